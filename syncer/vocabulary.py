"""The words by which titles are taken apart. To know one more, add it here and a row to tests/hard_titles.py."""

from typing import Final


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


def _variants(listed: str) -> dict[str, str]:
    """Return what each word stands for: on each line, for the first one."""
    lines = [line.split() for line in listed.splitlines()]
    return {variant: word for word, *variants in filter(None, lines) for variant in variants}


# --- what a title says of the recording -------------------------------------------------------------------------------

MARKS: Final = _words("""
    8d acapella acoustic alternate bootleg cappella censored clean club commentary concert cover cut demo dub edit
    extended instrumental karaoke live lofi lullaby mashup medley mix mixed mono nightcore orchestral outtake
    philharmonic phonk radio recorded rehearsal remaster remix reprise rerecorded reverb rework session single slowed
    sped stereo stripped symphonic take tribute unplugged unreleased version vip
""")
"""What makes an aside speak of the recording, spelt as below. Any other aside counts as part of the name."""
MARKS_OF_ALBUMS: Final = MARKS - _words("club cover cut extended medley radio reprise single stereo take version vip")
"""What an album's name says of all that is on it; the others are mostly just names."""
PERFORMED: Final = MARKS & _words("alternate concert demo live outtake recorded rehearsal remix session take unplugged")
"""What an artist may have more than one of, of the same song."""
SPELT: Final = _variants("""
    acapella acappella
    acoustic acoustics acustico acustica acustic acoustique akustik akustisch akusticka акустика
    alternate alternative alt alternativa
    clean cleaned
    concert concerts concierto konzert
    cover covers covered
    demo demos
    edit edited edits
    extended ext
    instrumental instrumentals instrumentale instrumentales instrumentais instr
    live vivo directo концерт концерте живьем вживую canli
    orchestral orchestrated
    outtake outtakes
    recorded recording recordings
    remaster remastered remasters remastering remasterizado remasterizada remasterise remasterisee remasterisiert
    remaster rimasterizzato rimasterizzata remasterizzato
    remix remixes remixed rmx remezcla ремикс
    rework reworked reworks
    session sessions sesion sesiones sessao
    sped speed
    take takes
    version versions ver versao versione versie версия
""")
UNSPACED: Final = {
    sign: mark
    for mark, signs in {
        "acoustic": "アコースティック",
        "instrumental": "伴奏 インストゥルメンタル",
        "karaoke": "カラオケ 卡拉OK",
        "live": "ライブ ライヴ 現場 现场 演唱会 演唱會 라이브",
        "remaster": "リマスター",
        "remix": "リミックス",
    }.items()
    for sign in signs.split()
}
"""The same in writing that has no blanks between words."""
FORERUNNERS: Final = {
    "en": "live",
    "ao": "live",
    "al": "live",
    "dal": "live",
    "digital": "remaster",
    "digitally": "remaster",
}
"""What says no more right before the other: *ao vivo* is *live*, a digital remaster one as any."""
SMALL: Final = _words("in at from of on a")
"""What does not tell one live recording from another either."""
SAYING_NOTHING: Final = frozenset(
    {("explicit",), ("explicit", "version"), ("album", "version"), ("bonus", "track"), ("original", "mix")}
)
"""Asides about where a track stands, or about what it would be anyway."""

# --- who is credited --------------------------------------------------------------------------------------------------

FEATURING: Final = _words("feat ft featuring")
WITH: Final = _words("with w con avec mit prod produced")
JOINTS: Final = _words("and")
NOBODY: Final = frozenset(
    tuple(name.split())
    for name in (
        "various artists",
        "various artist",
        "various",
        "varios artistas",
        "artistes divers",
        "artisti vari",
        "verschiedene interpreten",
        "unknown artist",
        "unknown",
        "群星",
    )
)
"""Whom a track is by where nobody says whom it is by."""

# --- numbers ----------------------------------------------------------------------------------------------------------

COUNTED: Final = _variants("""
    part part parts pt pts parte partie teil часть
    vol vol volume volumen
    act act
    book book
    chapter chapter
    episode episode
    movement movement
    scene scene
    side side
""")
"""What a number follows, whatever it is written in."""
NUMBERED: Final = _variants("no no nr number")
"""What a number in digits may follow: with a word, it would be *No One*."""
NUMERALS: Final = _variants("""
    1 one i
    2 two ii
    3 three iii
    4 four iv
    5 five v
    6 six vi
    7 seven vii
    8 eight viii
    9 nine ix
    10 ten x
    11 eleven xi
    12 twelve xii
    13 thirteen xiii
    14 fourteen xiv
    15 fifteen xv
    16 sixteen xvi
""")
ROMAN: Final = frozenset(word for word in NUMERALS if len(word) > 1 and not set(word) - set("ivx"))
"""Those that are numbers wherever they stand but in the first place. A lone I may be anything."""

# --- names that many tracks have --------------------------------------------------------------------------------------

COMMON: Final = _words("""
    intro introduction outro interlude interludio intermission intermezzo prelude preludio prologue prologo epilogue
    epilogo overture ouverture obertura finale opening ending credits title titles main theme tema skit segue reprise
    untitled track cd disc hidden bonus silence freestyle jam part vol act chapter episode book scene movement side
    kapitel chapitre capitulo capitolo rozdzial hoofdstuk folge глава
    acapella acoustic commentary demo edit instrumental karaoke live mix radio remaster remastered remix version
    adagio adagietto allegretto allegro andante andantino grave larghetto largo lento maestoso moderato prestissimo
    presto scherzo vivace assai brio cantabile con e espressivo fuoco ma molto moto non poco sostenuto spirito tempo
    troppo un allemande aria bourree caprice chorale concerto courante etude fantasia fuga fugue gavotte gigue impromptu
    mazurka menuet menuetto minuet nocturne polonaise quartet recitative recitativo rondo sarabande sonata suite
    symphony toccata trio variation waltz
    イントロ アウトロ インタールード プロローグ エピローグ 序曲 前奏 间奏 間奏 尾声 尾聲 인트로 아웃트로
    интро аутро вступление пролог эпилог интерлюдия
""")
"""Words that name a place on an album, a way of playing or a form, and no one track."""
