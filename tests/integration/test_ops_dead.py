from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from redis import Redis

from queues import dead_letters, figures, keys
from queues.census import count
from tests.support.ops import LAPSED, VIPS, ferry, put, settle, take
from tests.support.people import names


def listed(redis_url: str, var: Path, *words: str) -> list[dict[str, Any]]:
    told = ferry(redis_url, var, "dead", "list", "--json", *words)
    assert told.exit_code == 0, told.output
    found: list[dict[str, Any]] = json.loads(told.stdout)
    return found


def test_the_list_is_narrowed_by_queue_reason_and_age(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    def reasons(*words: str) -> list[str]:
        return sorted(letter["reason"] for letter in listed(redis_url, tmp_path, *words))

    assert reasons() == ["malformed", "malformed", "no_email", "no_email", "no_email"]
    assert reasons("--reason", "no_email") == ["no_email"] * 3
    assert reasons("--queue", "Lapsed") == ["malformed"]
    assert reasons("--queue", "VIPs", "--reason", "malformed") == ["malformed"]
    assert reasons("--older-than", "1d") == []


def test_nothing_of_a_person_is_listed(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "dead", "list").stdout + json.dumps(listed(redis_url, tmp_path))
    assert "5 dead letters: 3 no_email, 2 malformed." in told
    assert "@" not in told


def test_a_letter_shows_the_person_only_when_asked(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    (letter,) = listed(redis_url, tmp_path, "--queue", "Lapsed")
    which = (letter["id"], "--queue", "Lapsed")
    shy = ferry(redis_url, tmp_path, "dead", "show", *which)
    assert "@" not in shy.output
    assert "--personal-data" in shy.stderr
    whole = json.loads(ferry(redis_url, tmp_path, "dead", "show", *which, "--personal-data").stdout)
    assert whole["person"] == {"email": "bob@example.com"}


def test_a_letter_that_is_gone_ends_with_1(redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "dead", "show", "1-1")
    assert (told.exit_code, "there is no dead letter 1-1" in told.stderr) == (1, True)


def test_what_is_no_id_ends_with_2(redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "dead", "replay", "Lapsed")
    assert (told.exit_code, "'Lapsed' is not the id of a dead letter" in told.stderr) == (2, True)


def test_replaying_by_id_puts_that_letter_back(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    first, *_ = listed(redis_url, tmp_path, "--queue", "VIPs")
    told = ferry(redis_url, tmp_path, "dead", "replay", first["id"], "--queue", "VIPs")
    assert (told.exit_code, told.stdout) == (0, "1 dead letter put back; `ferry flush` sends them now.\n")
    (vips,) = count(letters, [VIPS])
    assert (vips.waiting.pending, vips.kept, vips.missing) == (1, 3, 0)


def test_replaying_by_filter_puts_back_what_fits(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    assert ferry(redis_url, tmp_path, "dead", "replay", "--reason", "no_email").stdout.startswith("3 dead letters")
    assert [letter["reason"] for letter in listed(redis_url, tmp_path)] == ["malformed", "malformed"]


def test_more_letters_than_fit_one_script_keep_their_order(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    for start in range(0, 1200, 100):
        put(redis, *names(100, start))
        batch = take(redis)
        assert batch is not None
        settle(redis, batch, dead=100)
    before = [letter.change.keys for letter in dead_letters.read(redis, VIPS)]
    assert ferry(redis_url, tmp_path, "dead", "replay", "--all").stdout.startswith("1,200 dead letters put back")
    sizes = []
    after = []
    while batch := take(redis):
        settle(redis, batch, dead=100)
        sizes.append(batch)
    after = [letter.change.keys for letter in dead_letters.read(redis, VIPS)]
    assert after == before
    assert len(sizes) == 12


def test_letters_of_people_under_way_stay_and_end_with_1(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    put(letters, *names(100))
    assert take(letters) is not None
    told = ferry(redis_url, tmp_path, "dead", "replay", "--queue", "VIPs", "--reason", "no_email")
    assert (told.exit_code, told.stdout) == (1, "0 dead letters put back; `ferry flush` sends them now.\n")
    assert "3 dead letters stay, because a delivery of the same person is in progress" in told.stderr
    letter, *_ = listed(redis_url, tmp_path, "--queue", "VIPs", "--reason", "no_email")
    told = ferry(redis_url, tmp_path, "dead", "replay", letter["id"], "--queue", "VIPs")
    assert "Error: 1 dead letter stays, because" in told.stderr


def test_nothing_is_replayed_or_purged_unless_it_is_said_what(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    for words in (["replay"], ["purge", "--yes"], ["replay", "--all", "--reason", "no_email"]):
        told = ferry(redis_url, tmp_path, "dead", *words)
        assert (told.exit_code, "name the letters" in told.stderr) == (2, True)
    assert len(listed(redis_url, tmp_path)) == 5


def test_purging_asks_first(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "dead", "purge", "--all", text="n\n")
    assert (told.exit_code, "Permanently delete 5 dead letters?" in told.stderr) == (1, True)
    assert len(listed(redis_url, tmp_path)) == 5
    told = ferry(redis_url, tmp_path, "dead", "purge", "--all", text="y\n")
    assert (told.exit_code, told.stdout) == (0, "5 dead letters deleted.\n")
    assert listed(redis_url, tmp_path) == []
    assert [each.missing for each in count(letters, [VIPS, LAPSED])] == [0, 0]


def test_purging_with_yes_does_not_ask(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "dead", "purge", "--queue", "Lapsed", "--yes")
    assert (told.exit_code, told.stdout, told.stderr) == (0, "1 dead letter deleted.\n", "")


def test_an_id_that_two_queues_have_asks_for_the_queue(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    put(redis, dead="ann@example.com")
    put(redis, "b@example.com", queue=LAPSED, name="Lapsed")
    (letter,) = dead_letters.read(redis, VIPS)
    redis.copy(keys.queue(VIPS, "dead"), keys.queue(LAPSED, "dead"))
    figures.recount(redis, [LAPSED])
    told = ferry(redis_url, tmp_path, "dead", "show", letter.id)
    assert (told.exit_code, "is in several queues; add --queue" in told.stderr) == (2, True)
    assert ferry(redis_url, tmp_path, "dead", "show", letter.id, "--queue", "Lapsed").exit_code == 0


def test_a_limit_lists_the_newest_and_says_how_many_there_are_more(
    letters: Redis, redis_url: str, tmp_path: Path
) -> None:
    newest = sorted(listed(redis_url, tmp_path), key=lambda letter: str(letter["died_at"]))[-2:]
    told = ferry(redis_url, tmp_path, "dead", "list", "--limit", "2")
    assert [letter["id"] in told.stdout for letter in newest] == [True, True]
    assert told.stdout.count("malformed") + told.stdout.count("no_email") >= 2
    assert (
        "5 dead letters: 3 no_email, 2 malformed. The 2 newest are shown, 3 more with --limit or --json."
        in " ".join(told.stdout.split())
    )
    told = ferry(redis_url, tmp_path, "dead", "list", "--limit", "2", "--json")
    assert json.loads(told.stdout) == newest
    assert told.stderr == "3 older dead letters not listed (--limit).\n"


def test_a_dry_run_counts_by_queue_and_reason_and_does_nothing(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    before = listed(redis_url, tmp_path)
    told = ferry(redis_url, tmp_path, "dead", "replay", "--all", "--dry-run")
    assert (told.exit_code, told.stdout.splitlines()[-1]) == (
        0,
        "5 dead letters would be put back; nothing was done (--dry-run).",
    )
    assert str(VIPS) in told.stdout
    told = ferry(redis_url, tmp_path, "dead", "purge", "--queue", "VIPs", "--dry-run", "--json")
    assert json.loads(told.stdout) == {
        "letters": 4,
        "queues": [
            {"queue": str(VIPS), "audience": "VIPs", "letters": 4, "reasons": {"no_email": 3, "malformed": 1}},
        ],
    }
    first = before[0]
    told = ferry(redis_url, tmp_path, "dead", "purge", first["id"], "--queue", first["queue"], "--dry-run")
    assert told.stdout.endswith("1 dead letter would be deleted; nothing was done (--dry-run).\n")
    assert listed(redis_url, tmp_path) == before
    told = ferry(redis_url, tmp_path, "dead", "replay", "--dry-run")
    assert (told.exit_code, "name the letters" in told.stderr) == (2, True)


def test_what_was_done_is_counted_for_programs(letters: Redis, redis_url: str, tmp_path: Path) -> None:
    told = ferry(redis_url, tmp_path, "dead", "purge", "--queue", "Lapsed", "--yes", "--json")
    assert json.loads(told.stdout) == {"purged": 1}
    told = ferry(redis_url, tmp_path, "dead", "replay", "--all", "--json")
    assert json.loads(told.stdout) == {"replayed": 4, "stayed": 0}
