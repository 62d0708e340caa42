"The zoo: every cheat is caught, nobody honest is accused."
import itertools, sys
from pathlib import Path
from types import SimpleNamespace
import pytest
sys.path.insert(0, str(Path(__file__).resolve().parent))
from zoo import folders, predictors, tallies
import pgolf.experiment, pgolf.probes
from pgolf.findings import FAIL, PASS, as_text, exit_code
from pgolf.probes import probe
from pgolf.verify import verify_submission

@pytest.fixture(autouse=True)
def paced(monkeypatch):
    "A clock of 5 ms a look: as many questions on a slow machine as on a fast one."
    looks = itertools.count()
    for module in (pgolf.experiment, pgolf.probes): monkeypatch.setattr(module, 'time', SimpleNamespace(process_time=lambda: .005*next(looks)))

@pytest.mark.parametrize('name', predictors.CHEATS)
def test_cheat_is_caught(name):
    page = probe(predictors.subject(predictors.CHEATS[name][0]), secs=2)
    assert [f for f in page if f.status == FAIL], as_text(page)

@pytest.mark.parametrize('name', predictors.HONEST)
def test_honest_is_not_accused(name):
    page = probe(predictors.subject(predictors.HONEST[name][0]), secs=2)
    assert exit_code(page) == 0, as_text(page)

@pytest.mark.parametrize('name', tallies.CHEATS)
def test_false_tally_is_caught(name):
    page = tallies.CHEATS[name][0]()
    assert [f for f in page if f.status == FAIL], as_text(page)

@pytest.mark.parametrize('name', tallies.HONEST)
def test_honest_tally_is_not_accused(name):
    page = tallies.HONEST[name][0]()
    assert all(f.status == PASS for f in page), as_text(page)

@pytest.mark.parametrize('name', folders.CHEATS)
def test_false_folder_is_caught(name, tmp_path):
    folders.CHEATS[name][0](tmp_path)
    page = verify_submission(tmp_path)
    assert [f for f in page if f.status == FAIL], as_text(page)

@pytest.mark.parametrize('name', folders.HONEST)
def test_honest_folder_is_not_accused(name, tmp_path):
    folders.HONEST[name][0](tmp_path)
    page = verify_submission(tmp_path)
    assert exit_code(page) == 0, as_text(page)
