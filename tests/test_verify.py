"Verify, seeds and submit as a user meets them: the command line on a small run, whole and tampered with."
import json, shutil
import numpy as np
from conftest import SMALL, pgolf

def lines(p): return {l[12:].split('  ')[0].strip(): l[:12].strip() for l in p.stdout.splitlines() if l.startswith(('PASS', 'FAIL', 'NOT CHECKED'))}

def test_run_is_verified(done, tmp_path):
    p = pgolf('verify', done/'a', '--json', tmp_path/'v.json', '--html', tmp_path/'v.html')
    assert p.returncode == 0, p.stdout + p.stderr
    found = json.loads((tmp_path/'v.json').read_text())
    assert found['counts']['FAIL'] == 0 and found['exit_code'] == 0 and all(f['evidence'] for f in found['findings'])
    assert {'blind to its target', 'artifact alone is scored', 'ngram: bytes by decoding'} <= {f['check'] for f in found['findings']}
    assert '<script' not in (tmp_path/'v.html').read_text()

def test_tampering_is_seen(three, tmp_path):
    shutil.copytree(three/'seed2', bad := tmp_path/'bad')
    with np.load(bad/'scores/ngram.npz') as z: arrays = dict(z)
    arrays['bits'][5] = 0
    np.savez_compressed(bad/'scores/ngram.npz', **arrays)
    with open(bad/'train_gpt.py', 'ab') as f: f.write(b'#')
    p = pgolf('verify', bad)
    assert p.returncode == 1 and {k for k, v in lines(p).items() if v == 'FAIL'} == {'ngram: score adds up', 'ngram: charged again', 'bytes of the code', 'total claimed'}, p.stdout

def test_an_invented_ledger_is_seen(three, tmp_path):
    "Half the bits for all but the first targets, and a results.json that agrees: only who scores again can know."
    shutil.copytree(three/'seed2', bad := tmp_path/'bad')
    results = json.loads((bad/'results.json').read_text())
    with np.load(bad/'scores/sliding.npz') as z: arrays = dict(z)
    arrays['bits'][1500:] /= 2
    results['val_bpb']['sliding'] = float(arrays['bits'].sum()/arrays['bytes'].sum())
    np.savez_compressed(bad/'scores/sliding.npz', **arrays)
    (bad/'results.json').write_text(json.dumps(results))
    p = pgolf('verify', bad, '--again')
    assert p.returncode == 1 and {k for k, v in lines(p).items() if v == 'FAIL'} == {'sliding: charged again'}, p.stdout
    arrays['bits'][:] = arrays['bits'].mean()
    arrays['bits'][0] = 0
    results['val_bpb']['sliding'] = float(arrays['bits'].sum()/arrays['bytes'].sum())
    np.savez_compressed(bad/'scores/sliding.npz', **arrays)
    (bad/'results.json').write_text(json.dumps(results))
    p = pgolf('verify', bad)
    assert p.returncode == 1 and 'sliding: charged again' in {k for k, v in lines(p).items() if v == 'FAIL'}, p.stdout

def test_submission(three, tmp_path):
    p = pgolf('submit', *(three/f'seed{i}' for i in (1, 2, 3)), '--name', 'small', '--out', tmp_path/'sub', '--against', 9)
    assert p.returncode == 3 and {k for k, v in lines(p).items() if v == 'NOT CHECKED'} == {f'probes of seed {i}' for i in (1, 2, 3)}, p.stdout # probe_secs=0
    assert 'not a record' in p.stdout and '151,080,891' in p.stdout # on another text there is no record, however good
    names = {f.name for f in (tmp_path/'sub').iterdir()}
    assert {'README.md', 'submission.json', 'train_gpt.py', 'requirements.txt', 'train_seed1.log', 'train_seed2.log', 'train_seed3.log'} <= names
    n = json.loads((tmp_path/'sub/submission.json').read_text())['text_bytes']
    assert pgolf('verify', tmp_path/'sub', '--bytes', n).returncode == 0
    p = pgolf('verify', tmp_path/'sub') # and it is none of the challenge's text
    assert p.returncode == 1 and lines(p)['implied bytes'] == 'FAIL'

def test_seeds_are_of_one_kind(three, text):
    "What lies there was made with other settings: it is neither counted among the new runs nor touched."
    p = pgolf('seeds', 3, *SMALL, f'text={text}', 'steps=5', 'seed=1', 'probe_secs=0', f'out={three}', '--quiet')
    assert p.returncode == 2 and 'iterations=4, now 5' in p.stderr, p.stderr
    p = pgolf('seeds', 3, *SMALL, f'text={text}', 'steps=4', 'seed=1', 'probe_secs=0', f'out={three}', '--quiet')
    assert p.returncode == 0 and '| mean |' in p.stdout, p.stderr

def test_a_seed_that_was_cut_off_is_gone_on_with(three, text, tmp_path):
    "A checkpoint and no results: the same artifact in the end, and other settings are refused."
    shutil.copytree(three, again := tmp_path/'again')
    whole = (again/'seed2/model.pgolf').read_bytes()
    for name in ('results.json', 'model.pgolf'): (again/'seed2'/name).unlink()
    words = *SMALL, f'text={text}', 'seed=1', 'probe_secs=0', f'out={again}', '--quiet'
    p = pgolf('seeds', 3, *words, 'steps=5')
    assert p.returncode == 2 and 'choose another folder' in p.stderr, p.stderr
    p = pgolf('seeds', 3, *words, 'steps=4')
    assert p.returncode == 0 and (again/'seed2/model.pgolf').read_bytes() == whole, p.stderr

def test_a_cheap_ledger_and_a_text_that_was_known(three, text, tmp_path):
    "Eight thousandths less for every target, on a machine that rounds; and a validation text that is a stretch of the training text."
    shutil.copytree(three/'seed2', bad := tmp_path/'bad')
    results = json.loads((bad/'results.json').read_text()) | dict(device='NVIDIA H100')
    for stage in results['val_bpb']:
        with np.load(bad/f'scores/{stage}.npz') as z: arrays = dict(z)
        arrays['bits'] *= .992
        results['val_bpb'][stage] = float(arrays['bits'].sum()/arrays['bytes'].sum())
        np.savez_compressed(bad/f'scores/{stage}.npz', **arrays)
    (bad/'results.json').write_text(json.dumps(results))
    p = pgolf('verify', bad)
    assert p.returncode == 1 and {k for k, v in lines(p).items() if v == 'FAIL'} == {f'{k}: charged again' for k in results['val_bpb']}, p.stdout
    docs = [json.loads(l)['text'] for l in text.read_text().splitlines()]
    (tmp_path/'all.txt').write_text('\n\n'.join(docs)); (tmp_path/'part.txt').write_text('\n\n'.join(docs[3:6]))
    words = *SMALL, f'text={tmp_path/"all.txt"}', f'val={tmp_path/"part.txt"}', 'steps=2', 'probe_secs=0', f'out={tmp_path/"known"}'
    assert pgolf('run', *words).returncode == 0
    p = pgolf('verify', tmp_path/'known')
    assert p.returncode == 1 and lines(p)['text unknown to training'] == 'FAIL' and lines(p)['training apart from validation'] == 'PASS', p.stdout

def test_refusals(three, tmp_path):
    for words, said in ((('verify', tmp_path/'none'), 'no such folder'), (('verify', three/'seed1', '--against', 1), 'for submissions'),
                        (('verify', three/'seed1', '--bytes', 9), 'for submissions'), (('verify', tmp_path, '--train'), 'folder of a run'), (('verify', tmp_path, '--again'), 'folder of a run'), (('verify', tmp_path, '--bytes', 0), 'above 0'), (('verify', tmp_path, '--against', 'nan'), 'above 0'), (('verify', tmp_path, '--json', tmp_path/'no/x.json'), 'No such file'), (('verify',), 'is wanted'), (('verify', '--predictor', 'x.py:f'), '--tokens'),
                        (('submit', three/'seed1', three/'seed1', '--name', 'x', '--out', tmp_path/'x'), 'given twice'), (('seeds', 0), 'at least one')):
        p = pgolf(*words)
        assert p.returncode == 2 and said in p.stderr and 'Traceback' not in p.stderr, p.stderr
