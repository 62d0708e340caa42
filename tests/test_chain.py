"The whole chain as a user meets it: the command line in a process of its own, on small texts."
import json, os, re, shutil, signal, subprocess, sys, time
from pathlib import Path
import numpy as np, pytest
from conftest import PGOLF, ROOT, SMALL, pgolf

def results(folder): return json.loads((folder/'results.json').read_text())

def test_same_seed_same_bytes(done):
    a, b, c = ((done/n/'model.pgolf').read_bytes() for n in 'abc')
    assert a == b and a != c
    assert results(done/'a')['val_bpb'] == results(done/'b')['val_bpb']

def test_run_folder(done):
    r = results(done/'a')
    for key in ('val_bpb', 'text_bytes', 'tokens', 'bytes', 'seconds', 'config_hash', 'seed', 'world_size', 'device', 'versions',
                'train_sha256', 'val_sha256'): assert key in r, key
    assert set(r['val_bpb']) == {'fixed', 'sliding', 'ttt', 'ngram'} and set(r['bytes']) == {'code', 'model', 'total', 'cap'}
    assert sum(p['bytes'] for p in r['parts']) == r['bytes']['model'] == (done/'a/model.pgolf').stat().st_size
    assert 0 < r['val_bpb']['ngram'] < r['val_bpb']['sliding'] < 8 and r['steps'] == 60
    assert r['verify']['counts'] == {'PASS': 9, 'FAIL': 0, 'NOT CHECKED': 0}, r['verify']
    assert 'blind to the future' in (done/'a/report.html').read_text()
    lines = [json.loads(l) for l in (done/'a/metrics.jsonl').read_text().splitlines()]
    assert lines[-1]['nats'] < lines[0]['nats']
    config = json.loads((done/'a/config.json').read_text())
    assert config['hash'] == r['config_hash'] and config['values']['num_layers'] == dict(value=2, source='command line')

@pytest.mark.parametrize('stage', ['fixed', 'sliding', 'ttt', 'ngram'])
def test_score_can_be_added_up_again(done, stage):
    z, r = np.load(done/f'a/scores/{stage}.npz'), results(done/'a')
    assert z['bytes'].sum() == r['text_bytes'] and len(z['bits']) == r['tokens']
    assert abs(z['bits'].sum()/z['bytes'].sum()-r['val_bpb'][stage]) < 1e-9
    assert (z['bits'][1:] > 0).all() and (z['position'] == np.arange(len(z['bits']))).all()

def test_report_opens_without_a_network(done):
    html = (done/'a/report.html').read_text()
    assert not re.search(r'(src|href)\s*=\s*["\']?(https?:)?//', html) and '@import' not in html

def test_artifact_scores_and_writes(done, text):
    p = pgolf('score', done/'a/model.pgolf', f'text={text}', 'val_bytes=5000', 'ttt_enabled=0')
    assert p.returncode == 0 and 'bits per byte' in p.stdout, p.stderr
    def sample(prompt, *how):
        words = [PGOLF, 'sample', str(done/'a/model.pgolf'), '--prompt', prompt, '--tokens', '20', *how]
        return subprocess.run(words, cwd=ROOT, capture_output=True, timeout=300).stdout
    one, two = (sample('The ', '--top-p', '.9') for _ in range(2))
    assert one == two and one.startswith(b'The ')
    assert sample('The ', '--seed', '1', '--temperature', '3') != sample('The ', '--temperature', '3')
    assert sample(b'\xff\xc3').startswith(b'\xff\xc3'), 'a prompt is bytes, text or not'

def test_a_text_becomes_as_long_as_its_score_and_comes_back(done, tmp_path):
    "Packed and unpacked by processes that share nothing but the files; the claim is what `pgolf score` says."
    from pydoc_data.topics import topics
    text, model = max(topics.values(), key=len)[:3000].encode(), done/'a/model.pgolf'
    (tmp_path/'t.txt').write_bytes(text)
    how = 'ttt_chunk_tokens=256', 'threads=2'
    p, s = pgolf('compress', tmp_path/'t.txt', '--model', model, '-o', tmp_path/'t.z', *how), pgolf('score', model, f'text={tmp_path}/t.txt', *how)
    assert p.returncode == s.returncode == 0, p.stderr + s.stderr
    bpb, bits = re.search(r'ngram ([\d.]+) bits', s.stdout)[1], float(re.search(r'claims ([\d,.]+) bits', p.stdout)[1].replace(',', ''))
    assert abs(bits/len(text)-float(bpb)) < 1e-4
    assert 8*(tmp_path/'t.z').stat().st_size < 1.001*bits + 8*400 # settings and digests
    p = pgolf('decompress', tmp_path/'t.z', '--model', model, '-o', tmp_path/'back')
    assert p.returncode == 0 and (tmp_path/'back').read_bytes() == text, p.stderr
    p = pgolf('decompress', tmp_path/'t.z', '--model', done/'c/model.pgolf', '-o', tmp_path/'no')
    assert p.returncode == 2 and 'another model' in p.stderr and not (tmp_path/'no').exists()

def test_shards_of_another_run(done, tmp_path):
    "What one run tokenised, another trains on; the validation text is the same."
    p = pgolf('run', *SMALL, f'data={done}/a/shards', f'vocab={done}/a/tokenizer.vocab', 'steps=5', f'out={tmp_path}/d',
              'ttt_enabled=0', 'ngram_enabled=0')
    assert p.returncode == 0, p.stderr
    assert results(tmp_path/'d')['val_sha256'] == results(done/'a')['val_sha256'] and set(results(tmp_path/'d')['val_bpb']) == {'fixed', 'sliding'}

def test_bytes_that_are_no_text(tmp_path):
    "Arbitrary bytes are data like any other."
    rng = np.random.default_rng(0)
    words = [rng.integers(0, 256, 9).astype(np.uint8).tobytes() for _ in range(300)]
    (tmp_path/'x.txt').write_bytes(b''.join(words[i] for i in rng.integers(0, 300, 20000)))
    p = pgolf('run', *SMALL, f'text={tmp_path}/x.txt', 'vocab=train', 'vocab_size=400', 'steps=5', f'out={tmp_path}/run')
    assert p.returncode == 0, p.stderr
    assert results(tmp_path/'run')['text_bytes'] > 10000 and json.loads((tmp_path/'run/config.json').read_text())['values']['vocab_size']['value'] == 400

def test_ctrl_c_keeps_a_checkpoint(text, tmp_path):
    out = tmp_path/'run'
    p = subprocess.Popen([PGOLF, 'run', *SMALL, f'text={text}', 'seconds=120', f'out={out}'], cwd=ROOT, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    began = time.time()
    while not ((out/'metrics.jsonl').exists() and (out/'metrics.jsonl').read_text()) and time.time() < began+120: time.sleep(.2)
    time.sleep(1)
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=60)
    assert p.returncode == 130 and str(out/'checkpoint-') in err and f'resume={out}' in err and 'Traceback' not in err, err
    q = pgolf('run', *SMALL, f'text={text}', f'checkpoint={out}', f'vocab={out}/tokenizer.vocab',
              f'out={tmp_path}/rest', 'ttt_enabled=0')
    assert q.returncode == 0 and (tmp_path/'rest/model.pgolf').exists(), q.stderr

def test_killed_and_gone_on_with(done, text, tmp_path):
    "Whatever step it was killed at, it ends with the very bytes of the run that was not."
    out = tmp_path/'run'
    p = subprocess.Popen([PGOLF, 'run', *SMALL, f'text={text}', 'steps=60', 'seed=1', f'out={out}', 'checkpoint_seconds=.05'], cwd=ROOT,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    began = time.time()
    while len(list(out.glob('checkpoint-*'))) < 2 and time.time() < began+120: time.sleep(.02)
    p.kill()
    p.communicate(timeout=60)
    assert not (out/'results.json').exists()
    q = pgolf('train', f'resume={out}')
    assert q.returncode == 0, q.stderr
    assert (out/'model.pgolf').read_bytes() == (done/'a/model.pgolf').read_bytes()
    steps = [json.loads(l)['step'] for l in (out/'metrics.jsonl').read_text().splitlines()]
    assert steps == sorted(set(steps)) and steps[-1] == 60
    assert results(out)['val_bpb'] == results(done/'a')['val_bpb']

def cut(path, n):
    path.write_bytes(path.read_bytes()[:n])
    return path

@pytest.fixture
def broken(done, tmp_path):
    "One of each thing that can be wrong."
    (tmp_path/'empty.txt').write_bytes(b'')
    (tmp_path/'short.txt').write_bytes(b'short')
    (tmp_path/'shards').mkdir()
    for p in (done/'a/shards').iterdir(): (tmp_path/'shards'/p.name).write_bytes(p.read_bytes())
    cut(tmp_path/'shards/fineweb_train_000000.bin', 5000)
    a = bytearray((done/'a/model.pgolf').read_bytes())
    a[len(a)//2] ^= 1
    (tmp_path/'model.pgolf').write_bytes(a)
    return tmp_path

MISTAKES = {                     # what is typed, and what the one line must name; {d} broken things, {a} a good run, {t} a text
    'run text={d}/none.txt': 'none.txt',
    'run text={d}/empty.txt': 'empty',
    'run text={d}/short.txt': 'too short',
    'run text={t} out=/proc/nowhere/run': '/proc/nowhere',
    'run text={t} out={a}': 'holds a run already',
    'run data={d}/shards vocab={a}/tokenizer.vocab': 'fineweb_train_000000.bin',
    'run data={a}/shards': 'vocab',
    'run text={t} vocab={a}/tokenizer.vocab vocab_size=300': '2048',
    'run text={t} checkpoint={d}/empty.txt': 'checkpoint',
    'train resume={d}': 'holds no run',
    'train steps=3': 'DATA_PATH',
    'run steps=-1': '-1',
    'run seconds=soon': 'seconds',
    'run num_layer=3': 'num_layers',
    'run preset=tpu': 'preset=tpu',
    'run fast': 'KEY=VALUE',
    'score {d}/model.pgolf': 'model.pgolf',
    'score {d}/none.pgolf': 'none.pgolf',
    'sample {d}/empty.txt': 'empty.txt',
    'sample {a}/model.pgolf --top-p 7': 'top_p',
    'compress {d}/none.txt --model {a}/model.pgolf -o {d}/z': 'none.txt',
    'decompress {d}/empty.txt --model {a}/model.pgolf -o {d}/z': 'not a text',
    'report {d}': 'results.json'}

def test_a_run_that_is_refused_stays_as_it_was(done, tmp_path):
    "Another model, another seed, nothing new to do; and a folder that has moved is gone on with where it lies."
    shutil.copytree(done/'c', moved := tmp_path/'moved')
    def files(): return {f.name: f.read_bytes() for f in moved.iterdir() if f.is_file() and f.name != 'train.log'} # which says what was refused
    kept = files()
    for word, said in (('num_layers=3 steps=61', 'another model'), ('seed=5 steps=61', 'seed=2'), ('sample_tokens=1', 'is finished')):
        p = pgolf('run', f'resume={moved}', *word.split())
        assert p.returncode == 2 and said in p.stderr and 'Traceback' not in p.stderr, p.stderr
        assert files() == kept, word
    p = pgolf('run', f'resume={moved}', 'steps=61', '--quiet')
    assert p.returncode == 0 and json.loads((moved/'results.json').read_text())['steps'] == 61, p.stderr
    assert str(moved/'shards') == json.loads((moved/'config.json').read_text())['values']['data']['value']
    (gone := tmp_path/'gone').mkdir(); moved.rename(gone/'here')
    assert pgolf('verify', gone/'here').returncode == 0

@pytest.mark.parametrize('words', MISTAKES)
def test_one_line_for_a_mistake(words, broken, done, text):
    out, typed = broken/'run', words.format(d=broken, a=done/'a', t=text).split()
    if typed[0] == 'run' and 'out=' not in words: typed.append(f'out={out}')
    p = pgolf(*typed)
    assert p.returncode == 2 and MISTAKES[words] in p.stderr and 'Traceback' not in p.stderr, p.stderr
    assert len(p.stderr.strip().splitlines()) == 1
    assert not out.exists(), 'nothing may be left behind'

def test_help_is_complete():
    from pgolf.settings import setting_help
    top, of_run = pgolf('--help').stdout, pgolf('run', '--help').stdout
    for name in ('run', 'train', 'score', 'sample', 'compress', 'decompress', 'report', 'script'):
        assert name in top and pgolf(name, '--help').returncode == 0
    for key, (_, _, said) in setting_help().items(): assert f'  {key} ' in of_run and said, key
