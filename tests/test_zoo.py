"The zoo: every cheat is caught, nobody honest is accused."
import sys
from pathlib import Path
import pytest
sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo import predictors, tallies
from pgolf.findings import FAIL, PASS, as_text
from pgolf.probes import probe

@pytest.mark.parametrize('name', predictors.CHEATS)
def test_cheat_is_caught(name):
    page = probe(predictors.subject(predictors.CHEATS[name][0]), secs=2)
    assert [f for f in page if f.status == FAIL], as_text(page)

@pytest.mark.parametrize('name', predictors.HONEST)
def test_honest_is_not_accused(name):
    page = probe(predictors.subject(predictors.HONEST[name][0]), secs=2)
    assert not [f for f in page if f.status == FAIL], as_text(page)

@pytest.mark.parametrize('name', tallies.CHEATS)
def test_false_tally_is_caught(name):
    page = tallies.CHEATS[name][0]()
    assert [f for f in page if f.status == FAIL], as_text(page)

@pytest.mark.parametrize('name', tallies.HONEST)
def test_honest_tally_is_not_accused(name):
    page = tallies.HONEST[name][0]()
    assert all(f.status == PASS for f in page), as_text(page)
