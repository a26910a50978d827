"""A ledger loses nothing but a torn last line, and shows every later change."""

import json

import pytest

from bicameral.errors import StudyError
from bicameral.studies.record.ledger import Ledger


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(tmp_path / "ledger.jsonl")
    for number in range(5):
        made.append("trial", f"t{number}", {"score": number / 10})
    return made


def test_what_is_written_is_read_again(ledger):
    again = Ledger(ledger.path)
    assert again.lines == ledger.lines
    assert again.find("trial", "t3")["score"] == 0.3
    assert again.find("trial", "t9") is None
    assert again.broken_at() is None


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_cut_off_and_writing_goes_on(ledger, cut):
    raw = ledger.path.read_bytes()
    ledger.path.write_bytes(raw[:-cut])
    again = Ledger(ledger.path)
    assert [line["key"] for line in again.lines] == ["t0", "t1", "t2", "t3"]
    again.append("trial", "t4", {"score": 0.4})
    assert ledger.path.read_bytes() == raw


@pytest.mark.parametrize("victim", range(5))
def test_a_changed_number_breaks_the_seal_there(ledger, victim):
    lines = ledger.path.read_text().splitlines()
    forged = json.loads(lines[victim]) | {"score": 0.99}
    lines[victim] = json.dumps(forged)
    ledger.path.write_text("\n".join(lines) + "\n")
    assert Ledger(ledger.path).broken_at() == victim + 1


def test_a_dropped_line_breaks_the_seal(ledger):
    lines = ledger.path.read_text().splitlines()
    ledger.path.write_text("\n".join(lines[:2] + lines[3:]) + "\n")
    assert Ledger(ledger.path).broken_at() == 3


def test_damage_in_the_middle_is_an_error_with_its_place(ledger):
    lines = ledger.path.read_text().splitlines()
    ledger.path.write_text("\n".join([lines[0], "{rubbish", *lines[2:]]) + "\n")
    with pytest.raises(StudyError, match="damaged at line 2"):
        Ledger(ledger.path)


def test_a_reader_leaves_a_line_alone_that_is_being_written(ledger):
    with ledger.path.open("ab") as file:
        file.write(b'{"kind": "trial", "key": "t5", ')
    raw = ledger.path.read_bytes()
    assert len(Ledger(ledger.path).lines) == 5
    assert ledger.path.read_bytes() == raw
