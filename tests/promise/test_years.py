"""Two years of hourly runs; ``tools/soak.py --years 10`` lives through ten."""

from tests.promise.years import NEWS, YEAR, Years


def test_two_years_pass_without_a_surprise() -> None:
    years = Years(2)
    years.live()

    assert years.runs == 2 * YEAR
    assert years.deaths == 3
    assert years.added >= 2 * YEAR // NEWS
