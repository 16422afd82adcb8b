# ruff: noqa: RUF001 - titles stand here as the world writes them
"""Pairs of tracks that are easily taken for the same, or for different ones, and which of the two `match: fuzzy` says.

The titles are real ones or could be; who is said to perform them, and for how long, is made up. A pair that is the same
in truth may stand among the different ones, with the reason why we rather miss it: an item that is wrongly left out is
lost to its owner, one that is added twice is not.
"""

from dataclasses import dataclass, replace
from typing import Final

from syncer.ids import Uri
from syncer.model import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What Spotify tells of a track."""

    title: str
    by: tuple[str, ...] = ("Mara Lindqvist",)
    seconds: float | None = 214.0
    album: str = ""
    explicit: bool | None = None
    isrc: str | None = None

    def item(self, number: int) -> Item:
        """Return it under a URI of its own."""
        return Item(
            uri=Uri(f"spotify:track:{number:022d}"),
            name=self.title,
            artists=self.by,
            album=self.album,
            duration_ms=None if self.seconds is None else round(1000 * self.seconds),
            explicit=self.explicit,
            isrc=self.isrc,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """Two tracks, whether they are the same, and why."""

    one: Track
    other: Track
    same: bool
    why: str

    def __str__(self) -> str:
        """Return how a test names it."""
        return f"{self.one.title!r} {'is' if self.same else 'is not'} {self.other.title!r}: {self.why}"


ROWS: Final[list[Row]] = []
WHO: Final = Track(title="")


def same(one: str | Track, other: str | Track, why: str, like: Track = WHO) -> None:
    """Note that the two are the same."""
    ROWS.append(Row(_track(one, like), _track(other, like), True, why))  # noqa: FBT003 - the column of a table


def different(one: str | Track, other: str | Track, why: str, like: Track = WHO) -> None:
    """Note that the two are different, or that we rather miss that they are not."""
    ROWS.append(Row(_track(one, like), _track(other, like), False, why))  # noqa: FBT003 - the column of a table


def _track(told: str | Track, like: Track) -> Track:
    return told if isinstance(told, Track) else replace(like, title=told)


def by(*artists: str, album: str = "", seconds: float = 214.0) -> Track:
    """Return what the two tracks of a row have in common."""
    return Track(title="", by=artists, album=album, seconds=seconds)


# --- signs, case and accents ------------------------------------------------------------------------------------------

same("Don't Look Down", "Don’t Look Down", "one apostrophe or another")
same("Don't Look Down", "DON`T LOOK DOWN", "case, and an accent for an apostrophe")
same("Don't Look Down", "Dont Look Down", "no apostrophe at all in a word that has only one reading")
same("I'm Not the One", "Im Not The One", "the same")
same("Rock 'n' Roll Heart", "Rock & Roll Heart", "ways to write and")
same("Rock ’n’ Roll Heart", "Rock and Roll Heart", "ways to write and")
same("Sun & Moon", "Sun and Moon", "ways to write and")
same("Twenty-One Days", "Twenty–One Days", "a hyphen or a longer dash")
same("Twenty-One Days", "Twenty One Days", "a hyphen or none")
same("Heart / Break", "Heart - Break", "a stroke or a dash")
same("Hello, Goodbye", "Hello Goodbye", "a comma or none")
same("Help Me!", "Help Me", "an exclamation mark or none")
same("What's the Use?", "What's the Use", "a question mark or none")
same("“Heroes of Dawn”", '"Heroes of Dawn"', "quotes")
same("Heroes of Dawn", "‘Heroes of Dawn’", "quotes or none")
same("Wait… for Me", "Wait... for Me", "three dots in one or each for itself")
same("S.O.S. Tonight", "S.O.S Tonight", "the last dot left out")
same("Déjà Vu Again", "Deja Vu Again", "accents left out")
same("Déjà Vu Again", "DÉJÀ VU AGAIN", "case with accents")
same("Beyonce\u0301 Street", "Beyoncé Street", "an accent as a sign of its own")
same("Corazón Partío", "CORAZON PARTIO", "accents left out in capitals")
same("Señorita Mía", "Senorita Mia", "accents left out")
same("Über den Dächern", "Uber den Dachern", "accents left out")
same("Straße nach Süden", "STRASSE NACH SÜDEN", "a sharp s in capitals")
same("Ødeland", "Odeland", "a letter that Unicode does not take apart")
same("Łódź nocą", "Lodz noca", "a letter that Unicode does not take apart")
same("Œuvre de nuit", "Oeuvre de nuit", "a ligature")
same("İstanbul Geceleri", "Istanbul Geceleri", "a Turkish capital")
same("Ｍｉｄｎｉｇｈｔ　Ｃａｆｅ", "Midnight Cafe", "full width")
same("ﾐｯﾄﾞﾅｲﾄ ｶﾌｪ", "ミッドナイト カフェ", "half width")
same("夜を越えて！", "夜を越えて", "full-width punctuation")
same("「春の歌」", "春の歌", "Japanese quotes")
same("Ёлки и море", "Елки и море", "a Russian letter that is mostly written without its dots")
same("ЗВЕЗДА ПО ИМЕНИ", "Звезда по имени", "case in Cyrillic")
same("Ελλάδα μου", "ΕΛΛΑΔΑ ΜΟΥ", "Greek capitals have no accents")
same("Δρόμος", "ΔΡΟΜΟΣ", "two forms of one Greek letter")
same("قَلْبِي مَعَك", "قلبي معك", "Arabic with its vowels and without")
same("حبيبـــي أنا", "حبيبي انا", "a word made longer, a letter without its hamza")
same("שִׁיר אַהֲבָה", "שיר אהבה", "Hebrew with its vowels and without")
same("I ❤️ Summer", "I ❤ Summer", "one heart in two looks")
same("Café\u00a0 del  Mar", "Café del Mar", "white space of other kinds")
same("Soft\u00adly", "Softly", "a hyphen that nobody sees")
same("Money™", "Money", "a trade mark")
same("100,000 Miles", "100000 Miles", "a number with a comma")
same("Live @ the Wire", "Live at the Wire", "an at sign")

different("We're Young", "Were Young", "the apostrophe makes another word")
different("She'll Wait", "Shell Wait", "the apostrophe makes another word")
different("Its a Game", "It's a Game", "we rather miss this: with s the apostrophe may make another word")
different("Boys Night", "Boy's Night", "one boy or many")
different("D'eux", "Deux", "the apostrophe makes another word")
different("Nothin' Left", "Nothing Left", "we rather miss this: nobody knows every spoken form")
different("S.O.S. Tonight", "SOS Tonight", "we rather miss this: without dots, initials may make a word")
different("U.S. Blues", "Us Blues", "without dots, initials make a word")
different("L.O.V.E.", "Love", "without dots, initials make a word")
different("Säng", "Sång", "Swedish letters with other marks: bed, song")
different("Mưa", "Mùa", "Vietnamese letters with other marks: rain, season")
different("Πότε", "Ποτέ", "a Greek accent in another place: when, never")
different("Pêcher", "Pécher", "another French accent: to fish, to sin")
different("Corazón Partio", "Corazón Partío", "we rather miss this: accents left out in a part")
different("Now Here", "Nowhere", "a blank makes another word")
different("A Way", "Away", "a blank makes another word")
different("Good Bye", "Goodbye", "we rather miss this: a blank may make another word")
different("Sun and Moon", "Sun or Moon", "another small word")
different("I ❤ Summer", "I 💔 Summer", "another heart")
different("I ❤ Summer", "I Summer", "a heart or none")
different("Smile 😀", "Smile 😭", "another face")
different("C#", "C", "a sharp is a note of its own")
different("B♭ Blues", "B Blues", "a flat is a note of its own")
different("100% Love", "100 Love", "a sign with a meaning")
different("Ke$ha's Song", "Kesha's Song", "we rather miss this: a sign for a letter")
different("F**k It All", "Fuck It All", "we rather miss this: two letters that are not told")
different("+", "-", "signs alone")
different("+", "=", "signs alone")
different("×", "÷", "signs alone")
different("???", "??", "signs alone: how many counts")
different("???", "!!!", "signs alone")
different("?", "???", "signs alone")
different("??? (Live)", "!!! (Live)", "signs alone, with a mark behind")
different("❤", "💔", "signs alone")
different("1+1", "1-1", "a sign between numbers")
different("1+1", "11", "a sign between numbers")
different("-1", "1", "a sign before a number")
different("5.15", "515", "a dot in a number")
different("1:23", "123", "a colon in a number")
different("4'33\"", "433", "minutes and seconds")
different("ハハ", "パパ", "Japanese marks make other letters: mother, father")
different("はな", "ばな", "Japanese marks make other letters")
different("ハート", "ハト", "a long vowel: heart, pigeon")
different("はな", "ハナ", "we rather miss this: two ways to write one sound")
different("花", "はな", "two ways to write one sound, and there are more flowers")
different("时间", "事件", "two words that sound alike")
different("爱你", "愛你", "we rather miss this: old and new characters")
different("мой", "мои", "a Russian letter with a breve is another one: my, and mine of many")
different("їм", "ім", "Ukrainian dots make another letter")
different("брат", "брать", "a letter without a sound: brother, to take")
different("Мир", "Mir", "we rather miss this: two scripts")
different("दिन", "दीन", "Hindi vowels are marks: day, poor")
different("ดี", "ดิ", "Thai vowels are marks")
different("별", "벌", "one Korean vowel: star, bee")
different("مع", "من", "other letters")
same("???", "???", "signs alone, the same", by("Ada Nord"))
same("+", "＋", "signs alone, one in full width")
same("=", "=", "signs alone, the same")
same("4'33\"", "4′33″", "minutes and seconds in two ways to write them")
same("❤️", "❤", "signs alone, one heart in two looks")
same("…", "...", "signs alone, the same dots")

# --- live -------------------------------------------------------------------------------------------------------------

same("Riverbed (Live)", "Riverbed - Live", "brackets or a dash")
same("Riverbed [Live]", "Riverbed - Live", "brackets or a dash")
same("Riverbed (Live Version)", "Riverbed - Live", "version says no more")
same("Riverbed (En Vivo)", "Riverbed - Live", "Spanish for live")
same("Riverbed (Ao Vivo)", "Riverbed - Live", "Portuguese for live")
same("Riverbed (Dal Vivo)", "Riverbed (Live)", "Italian for live")
same("川床 (ライブ)", "川床 - Live", "Japanese for live")
same("川床（ライブ）", "川床 (ライブ)", "brackets in full width")
same("河床 (现场)", "河床 - Live", "Chinese for live")
same("Riverbed - Live at Paradiso", "Riverbed (Live at Paradiso)", "brackets or a dash, the same place")
same(
    Track(title="Riverbed - Live at Paradiso", album="Live at Paradiso"),
    Track(title="Riverbed - Live at Paradiso", album="The Best of Mara Lindqvist"),
    "the same place, on two albums",
)
same(
    Track(title="Riverbed - Live", album="Paradiso Nights"),
    Track(title="Riverbed (Live)", album="Paradiso Nights"),
    "live, and on albums of one name",
)
different("Riverbed", "Riverbed - Live", "a live recording")
different("Riverbed", "Riverbed (Live)", "a live recording")
different("Riverbed", "Riverbed (En Vivo)", "a live recording, in Spanish")
different("Riverbed", "Riverbed (Ao Vivo)", "a live recording, in Portuguese")
different("Riverbed", "Riverbed (En Directo)", "a live recording, in Spanish")
different("Riverbed", "Riverbed (En concert)", "a live recording, in French")
different("Riverbed", "Riverbed (Live-Mitschnitt)", "a live recording, in German")
different("Riverbed", "Riverbed (Концерт)", "a live recording, in Russian")
different("川床", "川床 (ライブ)", "a live recording, in Japanese")
different("河床", "河床（现场）", "a live recording, in Chinese")
different("강바닥", "강바닥 (라이브)", "a live recording, in Korean")
different("Riverbed", "Riverbed Live", "a live recording, without a sign before it")
different("Riverbed (Live)", "Riverbed Live", "we rather miss this: without a sign, live may be part of the name")
different("Riverbed - Live at Paradiso", "Riverbed - Live at Roskilde", "two places")
different("Riverbed - Live 1999", "Riverbed - Live 2005", "two years")
different("Riverbed - Live", "Riverbed - Live at Paradiso", "a place, and perhaps another")
different("Riverbed (Unplugged)", "Riverbed", "a recording of its own")
different("Riverbed - MTV Unplugged", "Riverbed - Live", "two recordings")
different("Riverbed (BBC Session)", "Riverbed", "a session")
different("Riverbed (Rehearsal)", "Riverbed", "a rehearsal")
different(
    Track(title="Riverbed - Live", album="Live in Paris"),
    Track(title="Riverbed - Live", album="Live in Rome"),
    "two concerts, which only the albums tell",
)
different(
    Track(title="Riverbed", album="Stones"),
    Track(title="Riverbed", album="Live at Paradiso"),
    "only the album says that it is live",
)
different(
    Track(title="Riverbed", album="Live in Paris"),
    Track(title="Riverbed", album="Live in Rome"),
    "two concerts, which only the albums tell",
)
different(
    Track(title="Live Forever", album="Stones"),
    Track(title="Live Forever", album="Stones Live"),
    "live in the name of a song says nothing of the recording",
)
different(
    Track(title="Riverbed", album="Live Through the Night"),
    Track(title="Riverbed", album="The Best of Mara Lindqvist"),
    "we rather miss this: the album only sounds like a concert",
)
same(
    Track(title="Riverbed", album="Stones"),
    Track(title="Riverbed", album="Stones (Deluxe Edition)"),
    "one recording on two albums",
)
same(
    Track(title="Live and Learn", album="Stones"),
    Track(title="Live And Learn", album="The Best of Mara Lindqvist"),
    "live in the name of a song",
)

# --- acoustic, instrumental and the like ------------------------------------------------------------------------------

same("Paper Boats (Acoustic)", "Paper Boats - Acoustic Version", "version says no more")
same("Paper Boats (Versión Acústica)", "Paper Boats - Acoustic", "Spanish for acoustic")
same("Paper Boats (Akustik Version)", "Paper Boats (Acoustic)", "German for acoustic")
same("Paper Boats - Live Acoustic", "Paper Boats (Acoustic Live)", "two marks, in any order")
same("Paper Boats - Live - Acoustic", "Paper Boats (Acoustic) [Live]", "two marks, in any order")
same(
    Track(title="Paper Boats - Acoustic", album="Paper Boats (Acoustic)"),
    Track(title="Paper Boats (Acoustic)", album="Harbour (Deluxe)"),
    "an acoustic version, as a single and on an album",
)
different("Paper Boats", "Paper Boats (Acoustic)", "an acoustic version")
different("Paper Boats", "Paper Boats - Acústico", "an acoustic version, in Spanish")
different("Paper Boats", "Paper Boats (Acoustique)", "an acoustic version, in French")
different("紙の船", "紙の船 (アコースティック)", "an acoustic version, in Japanese")
different("Paper Boats (Acoustic)", "Paper Boats (Live)", "two marks")
different("Paper Boats (Acoustic)", "Paper Boats (Live Acoustic)", "one mark more")
different("Paper Boats", "Paper Boats (Stripped)", "another recording")
different("Paper Boats", "Paper Boats - Piano Version", "another recording")
different("Paper Boats", "Paper Boats (Orchestral Version)", "another recording")
different("Paper Boats", "Paper Boats (String Quartet Arrangement)", "another recording, in words that no list has")
different("Paper Boats", "Paper Boats (Instrumental)", "nobody sings")
different("Paper Boats", "Paper Boats - Instrumental Version", "nobody sings")
different("Paper Boats", "Paper Boats (A Cappella)", "nobody plays")
different("Paper Boats", "Paper Boats - Karaoke Version", "for singing along")
different("纸船", "纸船 (伴奏)", "for singing along, in Chinese")
different("Paper Boats", "Paper Boats (Originally Performed by Mara Lindqvist)", "somebody else sings")
different("Paper Boats", "Paper Boats (Cover)", "somebody else's song")
different("Paper Boats", "Paper Boats (Demo)", "a draft")
different("Paper Boats (Demo)", "Paper Boats (Demo 2)", "two drafts")
different("Paper Boats", "Paper Boats - Alternate Take", "another recording")
different("Paper Boats - Take 3", "Paper Boats - Take 5", "two takes")
different("Paper Boats", "Paper Boats - Outtake", "what was left over")
different("Paper Boats", "Paper Boats - Commentary", "somebody talks about it")
different("Paper Boats", "Paper Boats (Reprise)", "a second one on the same album")
different("Paper Boats", "Paper Boats (Interlude)", "a part of it")
different("Paper Boats", "Paper Boats (Spanish Version)", "another language")
different("Paper Boats", "Barcos de Papel", "another language")
different("Paper Boats", "Paper Boats (8D Audio)", "another treatment, in words that no list has")
different("Paper Boats", "Paper Boats (Dolby Atmos)", "another mix, in words that no list has")
different(
    Track(title="Paper Boats (Demo)", album="Harbour (Deluxe)"),
    Track(title="Paper Boats (Demo)", album="The Lost Tapes"),
    "there may be two drafts, which only the albums tell",
)
different(
    Track(title="Paper Boats", album="Harbour"),
    Track(title="Paper Boats", album="Harbour (Acoustic)"),
    "only the album says that it is acoustic",
)
different(
    Track(title="Paper Boats", album="Harbour"),
    Track(title="Paper Boats", album="Harbour (Instrumentals)"),
    "only the album says that nobody sings",
)
different(
    Track(title="Paper Boats", album="Harbour"),
    Track(title="Paper Boats", album="Karaoke Hits, Vol. 3"),
    "only the album says that it is for singing along",
)

# --- remixes, edits, speed --------------------------------------------------------------------------------------------

same("Neon (Kaskel Remix)", "Neon - Kaskel Remix", "brackets or a dash")
same("Neon - Radio Edit", "Neon (Radio Edit)", "brackets or a dash")
same("Neon (Original Mix)", "Neon", "a dance label's name for what it is anyway")
same("Neon (Extended Version)", "Neon - Extended", "version says no more")
same("Neon (Remix) [feat. Juno]", "Neon - Remix (feat. Juno)", "a guest in any place", by("Mara Lindqvist", "Juno"))
different("Neon", "Neon (Kaskel Remix)", "a remix")
different("Neon", "Neon - Remix", "a remix")
different("Neon", "Neon (Remezcla)", "a remix, in Spanish")
different("Neon", "Neon Remix", "a remix, without a sign before it")
different("Neon (Kaskel Remix)", "Neon (Dorian Remix)", "two remixes")
different("Neon (Kaskel Remix)", "Neon (Kaskel Dub)", "two remixes by one")
different("Neon (Kaskel Remix)", "Neon (Kaskel Extended Remix)", "a longer one, said to be as long")
different("Neon (Remix)", "Neon (Kaskel Remix)", "a remix, and perhaps another")
different(
    Track(title="Neon - Remix", album="Neon (Remixes)"),
    Track(title="Neon - Remix", album="Neon (Remix) [feat. Juno]"),
    "there may be two remixes, which only the albums tell",
)
different(
    Track(title="Neon", album="Neon"), Track(title="Neon", album="Neon (The Remixes)"), "only the album says remix"
)
different("Neon", "Neon - Radio Edit", "a shorter one")
different("Neon - Radio Edit", "Neon - Extended Mix", "a shorter and a longer one")
different("Neon", "Neon (Extended Mix)", "a longer one")
different("Neon", "Neon - Single Version", "the version of the single may be another")
different("Neon - Single Version", "Neon - Album Version", "two versions")
different("Neon", "Neon - Club Mix", "another mix")
different("Neon", "Neon - Mixed", "cut for a mix without gaps")
different("Neon", "Neon (VIP Mix)", "the artist's own remix")
different("Neon", "Neon (Kaskel Bootleg)", "a remix that nobody asked for")
different("Neon", "Neon (Rework)", "another mix")
different("Neon", "Neon - Mono", "another mix")
different("Neon - Mono", "Neon - Stereo", "two mixes")
different("Neon", "Neon - Sped Up", "faster")
different("Neon", "Neon - Slowed", "slower")
different("Neon", "Neon - Slowed + Reverb", "slower, in a hall")
different("Neon - Sped Up", "Neon - Slowed", "faster and slower")
different("Neon", "Neon (Nightcore)", "faster")
different("Neon", "Neon (Phonk)", "another treatment")
different("Neon", "Neon / Skyline", "two songs in one")
different("Neon", "Medley: Neon / Skyline", "several songs in one")
different("Medley: Neon / Skyline", "Medley: Neon / Harbour", "two medleys")
different("Neon", "Neon (Mashup)", "several songs in one")
same("Medley: Neon / Skyline", "Medley: Neon - Skyline", "one medley in two ways to write it")
same("Neon - Album Version", "Neon", "what it is anyway")
same("Neon - Bonus Track", "Neon", "where it stands on an album")

# --- clean and explicit -----------------------------------------------------------------------------------------------

same(Track(title="Loud", explicit=True), Track(title="Loud (Explicit)"), "the title or Spotify says so")
same(Track(title="Loud", explicit=True), Track(title="Loud [Explicit]", explicit=True), "both say so")
same(Track(title="Loud", explicit=False), Track(title="Loud"), "Spotify says no, or nothing")
different(Track(title="Loud", explicit=True), Track(title="Loud", explicit=False), "only one is explicit")
different(Track(title="Loud", explicit=True), Track(title="Loud"), "only of one it is known")
different("Loud", "Loud (Explicit)", "only one is explicit")
different("Loud", "Loud (Clean)", "a clean version")
different("Loud - Clean Version", "Loud - Explicit Version", "clean and explicit")
different("Loud", "Loud (Censored)", "a clean version")
different(
    Track(title="Loud", album="Noise"),
    Track(title="Loud", album="Noise (Clean)"),
    "only the album says that it is clean",
)

# --- remasters and new recordings -------------------------------------------------------------------------------------

same("Old Road - 2011 Remaster", "Old Road - Remastered 2011", "one remaster, of one year")
same("Old Road - 2011 Remaster", "Old Road (2011 Remastered Version)", "one remaster, of one year")
same("Old Road - 2011 Remaster", "Old Road - 2011 - Remaster", "one remaster, with one dash more")
same("Old Road - 2011 Digital Remaster", "Old Road (Remastered 2011)", "all of them are digital")
same("Old Road - Remastered", "Old Road (Remaster)", "both without a year")
same("Old Road (Remasterizado)", "Old Road - Remastered", "Spanish for remastered")
same("Old Road - Live / Remastered 2011", "Old Road (Live) [2011 Remaster]", "two marks")
same(
    Track(title="Old Road - 2011 Remaster", album="Dust (2011 Remaster)"),
    Track(title="Old Road - 2011 Remaster", album="Greatest Hits"),
    "the album says no more than the title",
)
different("Old Road", "Old Road - 2011 Remaster", "a remaster is not the first master")
different("Old Road", "Old Road - Remastered", "a remaster is not the first master")
different("Old Road", "Old Road (Remasterizado)", "a remaster, in Spanish")
different("Old Road", "Old Road (Rimasterizzato)", "a remaster, in Italian")
different("古い道", "古い道 (リマスター)", "a remaster, in Japanese")
different("Old Road - 2011 Remaster", "Old Road - 2015 Remaster", "two remasters")
different("Old Road - 2011 Remaster", "Old Road - Remastered", "a remaster, and perhaps another")
different("Old Road - Live", "Old Road - Live - 2011 Remaster", "a remaster of it")
different("Old Road - 2011 Remaster", "Old Road - 2011 Mix", "the same year, another mix")
different("Old Road", "Old Road (Mara's Version)", "a new recording")
different("Old Road (Taylor's Version)", "Old Road", "a new recording", by("Taylor Swift"))
different("Old Road (Taylor’s Version)", "Old Road (10 Minute Version)", "two recordings", by("Taylor Swift"))
different(
    "Old Road (Taylor's Version)", "Old Road (Taylor's Version) [From the Vault]", "one mark more", by("Taylor Swift")
)
different("Old Road", "Old Road (Re-Recorded)", "a new recording")
different("Old Road", "Old Road (2024)", "a year, whatever it means")
different("Old Road", "Old Road (Anniversary Edition)", "an edition, whatever it means")
different(
    Track(title="Old Road", album="Dust"),
    Track(title="Old Road", album="Dust (Remastered)"),
    "only the album says remaster",
)
same("Old Road (Taylor’s Version)", "Old Road - Taylor's Version", "one apostrophe or another", by("Taylor Swift"))

# --- guests -----------------------------------------------------------------------------------------------------------

DUO: Final = by("Mara Lindqvist", "Juno")
same("Halfway (feat. Juno)", "Halfway ft. Juno", "ways to name a guest", DUO)
same("Halfway (feat. Juno)", "Halfway [Featuring Juno]", "ways to name a guest", DUO)
same("Halfway (feat. Juno)", "Halfway - feat. Juno", "ways to name a guest", DUO)
same("Halfway (feat. Juno)", "Halfway", "the guest is among the artists anyway", DUO)
same("Halfway (with Juno)", "Halfway", "the guest is among the artists anyway", DUO)
same("Halfway (con Juno)", "Halfway", "the guest is among the artists anyway", DUO)
same("Halfway (prod. by Juno)", "Halfway", "who produced it is among the artists anyway", DUO)
same("Halfway (feat. Juno) [Live]", "Halfway - Live (feat. Juno)", "a guest and a mark, in any order", DUO)
same(
    Track(title="Halfway (feat. Juno)"),
    Track(title="Halfway", by=("Mara Lindqvist", "Juno")),
    "the guest is in the title of one and among the artists of the other",
)
same(
    Track(title="Halfway (feat. Juno & Kit)", by=("Mara Lindqvist", "Juno", "Kit")),
    Track(title="Halfway", by=("Mara Lindqvist", "Kit", "Juno")),
    "two guests, in any order",
)
same(
    Track(title="Halfway", by=("Simon & Garth",)),
    Track(title="Halfway", by=("Simon and Garth",)),
    "ways to write the name of a duo",
)
same(
    Track(title="Halfway", by=("Sigrún Jökla",)), Track(title="Halfway", by=("SIGRUN JOKLA",)), "a name without accents"
)
same("Six Feet Under", "Six Feet Under", "feet are no guests")
same("A Feat of Daring", "A Feat Of Daring", "a feat is no guest")
same(Track(title="Halfway", by=("!!!",)), Track(title="Halfway", by=("!!!",)), "a name of nothing but signs")
different(
    Track(title="Halfway"),
    Track(title="Halfway (feat. Juno)", by=("Mara Lindqvist", "Juno")),
    "with a guest it is another recording, often as long",
)
different(
    Track(title="Halfway"),
    Track(title="Halfway", by=("Mara Lindqvist", "Juno")),
    "with a guest it is another recording, often as long",
)
different(
    Track(title="Halfway"),
    Track(title="Halfway (with Juno)", by=("Mara Lindqvist", "Juno")),
    "with a guest it is another recording, often as long",
)
different("Halfway", "Halfway (feat. Juno)", "the guest is in the title alone")
different("Halfway (feat. Juno)", "Halfway (feat. Kit)", "two guests")
different("Halfway (feat. Juno)", "Halfway (feat. Juno & Kit)", "one guest more")
different("Halfway", "Halfway (with Strings)", "strings are no guests")
different("Halfway", "Halfway (with Intro)", "an intro is no guest")
different("Halfway", "Halfway (prod. by Juno)", "we rather miss this: whoever that is, is told of one alone")
different(Track(title="Halfway"), Track(title="Halfway", by=("Juno",)), "another artist")
different(
    Track(title="Halfway", by=("Mara Lindqvist", "Juno")),
    Track(title="Halfway", by=("Juno", "Mara Lindqvist")),
    "we rather miss this: whose track it is differs",
)
different(Track(title="Halfway", by=("The Halves",)), Track(title="Halfway", by=("Halves",)), "perhaps another band")
different(Track(title="Halfway", by=("!!!",)), Track(title="Halfway", by=("???",)), "two names of nothing but signs")
different("A Feat of Daring", "A Feat of Madness", "a feat is no guest")
different("6 Ft Under", "6 Ft Over", "feet are no guests")
different("Halfway", "Halfway", "nobody says who sings", by("Various Artists"))

# --- numbers ----------------------------------------------------------------------------------------------------------

same("Shadows, Pt. II", "Shadows, Part 2", "a part in Roman numerals")
same("Shadows (Part Two)", "Shadows, Pt. 2", "a part in words")
same("Shadows - Pt.2", "Shadows (Pt. 2)", "a part without a blank")
same("Shadows (Parte 2)", "Shadows, Pt. II", "a part in Spanish")
same("Shadows II", "Shadows 2", "a Roman numeral")
same("Shadows (II)", "Shadows 2", "a Roman numeral in brackets")
same("Shadows, Pts. 1 & 2", "Shadows, Parts I and II", "two parts")
same("Shadows, Vol. 1", "Shadows, Volume I", "a volume")
same("Étude No. 3 in E Major, Op. 10", "Etude Nr. 3 in E Major, Op. 10", "a number in German")
same("Mambo No. 5", "Mambo № 5", "a sign for a number")
same("Act II: The Return", "Act 2: The Return", "an act")
different("Shadows", "Shadows, Pt. 2", "a part")
different("Shadows, Pt. 1", "Shadows, Pt. 2", "two parts")
different("Shadows, Pt. II", "Shadows, Part 3", "two parts")
different("Shadows, Pt. I", "Shadows, Pt. V", "two parts in Roman numerals")
different("Shadows, Pt. 1", "Shadows, Pts. 1 & 2", "one part more")
different("Shadows II", "Shadows III", "two numbers")
different("Shadows", "Shadows II", "a number or none")
different("Shadows 1", "Shadows 11", "two numbers")
different("Room 101", "Room 110", "two numbers")
different("Summer of '69", "Summer of '96", "two years")
different("1999", "1989", "two years")
same("1999", "1999", "a year alone is a name")
different("No One", "No. 1", "a number, and nobody")
different("I Want You", "1 Want You", "I is not always a number")
different("X Marks", "10 Marks", "X is not always a number")
different("Vol. 1", "Vol. 2", "two volumes")
different("7 Days", "Seven Days", "we rather miss this: numbers in words")
different("22", "22", "we rather miss this: a number alone is the name of many tracks")
different("Kapitel 101", "Kapitel 101", "every audio book has one", by("Ida Falk"))
different("Teil 12", "Teil 12", "every audio book has one", by("Ida Falk"))
different("II", "II", "a number alone is the name of many tracks")
different("Track 01", "Track 01", "a number alone is the name of many tracks")

# --- classical music --------------------------------------------------------------------------------------------------

ORCHESTRA: Final = by("Ludwig van Beethoven", "Norden Philharmonic", "Ida Falk", seconds=460)
same("Symphony No. 5: I. Allegro con brio", "Symphony No. 5 - I. Allegro con brio", "a colon or a dash", ORCHESTRA)
same(
    "Symphony No. 5 in C Minor, Op. 67: II. Andante con moto",
    "Symphony No.5 in C minor Op.67: 2. Andante con moto",
    "one movement in two ways to write it",
    ORCHESTRA,
)
different("Symphony No. 5: I. Allegro", "Symphony No. 5: II. Allegro", "two movements", ORCHESTRA)
different("Symphony No. 5: I. Allegro", "Symphony No. 6: I. Allegro", "two symphonies", ORCHESTRA)
different("Symphony No. 5: I. Allegro", "Symphony No. 5", "a movement, and all of it", ORCHESTRA)
different("Sonata in A Minor", "Sonata in A Major", "two keys", ORCHESTRA)
different("Sonata in A Major", "Sonata in B Major", "two keys", ORCHESTRA)
different("Sonata in A Major", "Sonata in A-Flat Major", "two keys", ORCHESTRA)
different("Nocturne, Op. 9 No. 1", "Nocturne, Op. 9 No. 2", "two of one opus", ORCHESTRA)
different("Prelude, BWV 846", "Prelude, BWV 847", "two works", ORCHESTRA)
different("Variation 12", "Variation 21", "two variations", ORCHESTRA)
different("I. Allegro", "I. Allegro", "no work is named", ORCHESTRA)
different("Allegro con brio", "Allegro con brio", "no work is named", ORCHESTRA)
different("Nocturne", "Nocturne", "no work is named", ORCHESTRA)
different("III. Scherzo. Presto", "III. Scherzo. Presto", "no work is named", ORCHESTRA)
different(
    Track(title="Symphony No. 5: I. Allegro", by=("Ludwig van Beethoven", "Norden Philharmonic"), seconds=460),
    Track(title="Symphony No. 5: I. Allegro", by=("Ludwig van Beethoven", "Orchestra of the South"), seconds=460),
    "two orchestras",
)

# --- names that many tracks have --------------------------------------------------------------------------------------

different("Intro", "Intro", "every album has one", by("Juno", seconds=61))
different("Outro", "Outro", "every album has one", by("Juno", seconds=61))
different("Interlude", "Interlude", "every album has one", by("Juno", seconds=61))
different("Interlude II", "Interlude 2", "every album has some", by("Juno", seconds=61))
different("Skit", "Skit", "every album has some", by("Juno", seconds=31))
different("Untitled", "Untitled", "it has no name", by("Juno", seconds=61))
different("(Untitled)", "Untitled", "it has no name", by("Juno", seconds=61))
different("Untitled #3", "Untitled #4", "two without names", by("Juno"))
different("Overture", "Overture", "every musical has one")
different("Main Title", "Main Titles", "every film has some")
different('Main Theme (From "Star Road")', 'Main Theme (From "Moon Road")', "two films")
different('Neon (From "Star Road")', "Neon", "we rather miss this: what it is from may tell it from another")
different("Live", "Live", "a mark alone")
different("(Live)", "Live", "a mark alone")
different("Remix", "Remix", "a mark alone")
different("Acoustic", "Acoustic", "a mark alone")
different("Demo", "Demo", "a mark alone")
different("Instrumental", "Instrumental", "a mark alone")
different("Radio Edit", "Radio Edit", "a mark alone")
different("イントロ", "イントロ", "every album has one, in Japanese")
different("Интро", "Интро", "every album has one, in Russian")
different("A", "A", "a letter alone")
different("", "", "no name at all")
same("Intro to Sadness", "Intro To Sadness", "a name that begins like that of many")
same("Live Wire", "Live Wire", "a name that begins like a mark")
same("Acoustic Lover", "ACOUSTIC LOVER", "a name that begins like a mark")

# --- one letter more or less ------------------------------------------------------------------------------------------

same("Millennium Girl", "Millenium Girl", "a letter that should be doubled")
same("Mississippi Nights", "Mississipi Nights", "a letter that should be doubled")
same("Embarrassment", "Embarassment", "a letter that should be doubled")
same("Constantinople Dreams", "Constantniople Dreams", "two letters swapped in a long word")
different(
    Track(title="Millennium Girl", isrc="SEABC2600001"),
    Track(title="Millenium Girl", isrc="SEABC2600002"),
    "nearly one name, but Spotify says that these are two recordings",
)
different("Go", "No", "two short names")
different("Go", "Go On", "a word more")
different("Run", "Ran", "two short names")
different("Stranger", "Strangers", "one or many")
different("Morning Song", "Mourning Song", "a letter makes another word")
different("Waking Up", "Walking Up", "a letter makes another word")
different("Desert Rose", "Dessert Rose", "a doubled letter makes another word")
different("Casual Love", "Causal Love", "two letters swapped make another word")
different("Wandering", "Wondering", "a letter makes another word")
different("Crashing Down", "Crushing Down", "a letter makes another word")
different("Intentions", "Inventions", "a letter makes another long word")
different("Revolution", "Resolution", "a letter makes another long word")
different("Immortality", "Immorality", "a letter makes another long word")
different("Intimation", "Imitation", "letters make another long word")
different("Affection", "Infection", "letters make another word")
different("Complaint", "Compliant", "two letters swapped make another word")
different("Love Me", "Love Me Not", "a word more")
different("I Love You", "I Love You So", "a word more")
different("The Night", "Night", "we rather miss this: an article may make another name")
different("You and Me", "Me and You", "another order")
different("Satisfaction (I Cannot Get)", "(I Cannot Get) Satisfaction", "we rather miss this: another order")
same("(I Cannot Get) Satisfaction", "I Cannot Get Satisfaction", "brackets around a part of the name")
same("Halo of the Sun (Bonus Track)", "Halo Of The Sun", "where it stands on an album")
different("Neon (Live", "Neon", "a bracket that nobody closes")
different("Color", "Colour", "we rather miss this: English on two shores")
different("Симфония", "Симфонии", "one or many, in Russian")

# --- how long, and who knows ------------------------------------------------------------------------------------------

same(Track(title="Neon", seconds=214), Track(title="Neon", seconds=216), "two seconds")
different(Track(title="Neon", seconds=214), Track(title="Neon", seconds=216.001), "more than two seconds")
different(Track(title="Neon", seconds=214), Track(title="Neon", seconds=381), "another version that does not say so")
different(Track(title="Neon", seconds=214), Track(title="Neon", seconds=None), "it is not known how long one lasts")
different(Track(title="Neon", seconds=None), Track(title="Neon", seconds=None), "it is not known how long they last")
different(Track(title="Neon", by=()), Track(title="Neon", by=()), "it is not known who sings")
same(
    Track(title="Neon", isrc="SEABC2600001"),
    Track(title="Neon", isrc="SEABC2600002"),
    "a release of its own often has an ISRC of its own",
)
same(
    Track(title="Neon - Live", isrc="SEABC2600001"),
    Track(title="Something Else", isrc="SEABC2600001", seconds=30),
    "one ISRC is one recording, whatever it is called",
)
different(
    Track(title="Neon", isrc="UNKNOWN"),
    Track(title="Something Else", isrc="UNKNOWN"),
    "what stands for a missing ISRC is none",
)
