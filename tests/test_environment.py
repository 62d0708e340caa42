"The record's command, the environment and the command line together; misspelt variables, and strangers that must be left in peace."
import json, os, random, string, subprocess, sys
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from pgolf.cli import main
from pgolf.environment import NOT_HERE, meant, variables
from pgolf.settings import PRESETS, Settings, setting_help

KNOWN = variables(setting_help())
COMMAND = dict(w.split('=') for w in '''DATA_PATH=./data TOKENIZER_PATH=./candidate.vocab TOKENIZER_META_PATH=./candidate.meta.npz NGRAM_ENABLED=1 NGRAM_MAX_ORDER=16
    TTT_ENABLED=1 TTT_LR=0.005 XSA_LAST_N=4 SEED=1337 NUM_LAYERS=11 NUM_SHARED_BLOCKS=11 SHARED_BLOCK_LAYOUT=cyclic MLP_MULT=3 VOCAB_SIZE=1024 INT6_QUANT=1 SMEAR_GATE=1
    BIGRAM_VOCAB_SIZE=10240 ORTHO_INIT=1 MATRIX_LR=0.025 SCALAR_LR=0.025 TIED_EMBED_LR=0.035 MUON_MOMENTUM=0.99 MUON_MOMENTUM_WARMUP_START=0.92 MUON_MOMENTUM_WARMUP_STEPS=1500
    MUON_WD=0.04 GRAD_CLIP_NORM=0.3 TRAIN_SEQ_LEN=2048 TRAIN_BATCH_TOKENS=786432 ITERATIONS=9000 WARMDOWN_ITERS=3500 MAX_WALLCLOCK_SECONDS=600 EVAL_STRIDE=64 SWA_INTERVAL=50
    SWA_LR_THRESHOLD=0.2 EMA_DECAY=0.997 TTT_EPOCHS=3 TTT_MAX_SEQS=64 TTT_CHUNK_TOKENS=32768 TTT_GRAD_CLIP=1.0 ROPE_DIMS=16 LN_SCALE=1'''.split())

WHERE = dict( # section and field of each, with the value that must lie there: the record's names, ours, no table in between
    run=dict(data='./data', vocab='./candidate.vocab', tokenizer_meta_path='./candidate.meta.npz', ngram_enabled=True, ttt_enabled=True, seed=1337, int6_quant=True,
             eval_stride=64, ttt_chunk_tokens=32768),
    ngram=dict(max_order=16), ttt=dict(lr=.005, epochs=3, max_seqs=64, grad_clip=1.),
    model=dict(xsa_last_n=4, num_layers=11, num_shared_blocks=11, shared_block_layout='cyclic', mlp_mult=3., vocab_size=1024, smear_gate=True, bigram_vocab_size=10240, ortho_init=True,
               rope_dims=16, ln_scale=True),
    optim=dict(matrix_lr=.025, scalar_lr=.025, tied_embed_lr=.035, muon_momentum=.99, muon_momentum_warmup_start=.92, muon_momentum_warmup_steps=1500, muon_wd=.04),
    train=dict(grad_clip_norm=.3, train_seq_len=2048, train_batch_tokens=786432, iterations=9000, warmdown_iters=3500, max_wallclock_seconds=600., swa_interval=50,
               swa_lr_threshold=.2, ema_decay=.997))

@pytest.mark.parametrize('section,field', [(s, f) for s, fields in WHERE.items() for f in fields])
def test_every_value_of_the_command(section, field):
    "All 41 variables, each where it belongs; and each live: another text for it makes another value."
    name = dict(ttt='ttt_', ngram='ngram_').get(section, '')+field
    s = Settings(COMMAND)
    got = getattr(getattr(s, section), field)
    assert got == WHERE[section][field] and type(got) is type(WHERE[section][field]) and s.source[name] == 'environment'

def test_the_command_is_whole():
    assert len(COMMAND) == sum(map(len, WHERE.values())) == 41
    assert Settings(COMMAND, quant='rows').warnings == Settings({**COMMAND, 'PRESET': 'record'}).warnings == []
    assert Settings(COMMAND).warnings == ['INT6_QUANT: not read, quant=fit fixes no width beforehand; quant=rows does']

OTHER = dict(SHARED_BLOCK_LAYOUT='blocked', NUM_SHARED_BLOCKS='5', EVAL_STRIDE='32', TRAIN_SEQ_LEN='1024', ROPE_DIMS='8') # what else these can be

@pytest.mark.parametrize('variable', COMMAND)
def test_no_variable_is_dead(variable):
    "Nine of the forty-one were never read by the record."
    text = COMMAND[variable]
    other = OTHER.get(variable) or ('other' if not text[0].isdigit() else '0' if text == '1' else str(float(text)/2) if '.' in text else str(int(text)*2))
    a, b = Settings(COMMAND).flat(), Settings({**COMMAND, variable: other}).flat()
    differ = {k for k in a if a[k] != b[k]}
    assert KNOWN[variable] in differ and differ <= {KNOWN[variable], 'ttt_seq_len'}, differ

def test_presets_under_the_command():
    "Without a name the values are the record's and its faults repaired; with PRESET=record the quirks come back; the command line has the last word."
    plain, record = Settings(COMMAND), Settings({**COMMAND, 'PRESET': 'record'})
    quirks = dict(order='stream', cross_documents=True, record_qat=True, record_export=True, ema_debias=False, ttt_freeze_blocks=2, ttt_record_freeze=True,
                  clip_local=True, lossy='report', preset='record', quant='rows')
    usual = plain.flat()
    differ = {k: v for k, v in record.flat().items() if v != usual[k]}
    assert quirks == differ and plain.run.preset == 'repaired' and plain.train.schedule == 'record' == record.train.schedule
    both = Settings({**COMMAND, 'PRESET': 'record', 'LOADER': 'shuffled'}, ttt_lr='.1', num_layers=12)
    assert (both.run.order, both.ttt.lr, both.model.num_layers, both.source['num_layers'], both.run.cross_documents) == ('shuffled', .1, 12, 'command line', True)

def test_others_of_the_record():
    s = Settings(dict(LOADER='stream', RUN_ID='tuesday', QAT_ENABLED='1', LATE_QAT_THRESHOLD='.1', MUON_BACKEND_STEPS='3', DTG_ENABLED='1', BETA2='.9', EVAL_SEQ_LEN='512', TRAIN_LOG_EVERY='7',
                      TTT_FREEZE_BLOCKS='2', TTT_MOMENTUM='.8', TTT_BATCH_SEQS='4', TTT_ADAPTIVE='1'), preset='cpu', quant='rows')
    assert (s.run.order, s.run.out, s.optim.ns_steps, s.model.dtg, s.optim.beta2, s.run.eval_seq_len, s.train.train_log_every) == ('stream', 'runs/tuesday', 3, True, .9, 512, 7)
    assert s.train.late_qat_threshold > 1 and (s.ttt.freeze_blocks, s.ttt.momentum, s.ttt.batch_seqs, s.ttt.adaptive) == (2, .8, 4, True) and s.warnings == []

def test_what_the_record_reads_and_we_do_not():
    "Each is answered, none silently taken; all variables of the record's script are one or the other."
    facts = ROOT.parent/'shared/golden/record/init_facts.json'
    for variable in NOT_HERE: assert Settings({variable: '1'}, preset='cpu').warnings[0].startswith(f'{variable}=1: no such setting here: ')
    if not facts.exists(): pytest.skip('../shared/golden is not beside this checkout')
    ours = {'train_files', 'val_files'} # made from DATA_PATH there
    assert {v.upper() for v in json.loads(facts.read_text())['defaults'].keys()-ours} - KNOWN.keys() - NOT_HERE.keys() == set()

def test_generic_names_are_not_ours():
    strangers = dict.fromkeys('OUT TEXT DATA DEVICE ORDER VAL VOCAB LOSSY THREADS STEPS SECONDS EPOCHS CHECKPOINT SCHEDULE COMPILE'.split(), 'something')
    s, without = Settings(strangers, preset='cpu'), Settings(preset='cpu')
    assert s.flat() == without.flat() and s.warnings == []

STRANGERS = '''PATH HOME LANG LC_ALL SHELL USER LOGNAME PWD OLDPWD TERM SHLVL EDITOR PAGER TMPDIR TZ HOSTNAME DISPLAY MAIL LS_COLORS LESSOPEN XDG_RUNTIME_DIR XDG_SESSION_ID SSH_CLIENT SSH_CONNECTION
    SSH_AUTH_SOCK SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE HTTP_PROXY NO_PROXY https_proxy PYTHONPATH PYTHONUNBUFFERED PYTHONHASHSEED VIRTUAL_ENV CONDA_PREFIX PIP_INDEX_URL LD_LIBRARY_PATH
    CUDA_VISIBLE_DEVICES CUDA_HOME CUDA_DEVICE_ORDER NVIDIA_VISIBLE_DEVICES NCCL_DEBUG NCCL_IB_DISABLE NCCL_SOCKET_IFNAME OMP_NUM_THREADS MKL_NUM_THREADS NUMBA_NUM_THREADS NUM_THREADS NUM_WORKERS
    TORCH_HOME TORCH_LOGS TORCHELASTIC_RUN_ID TORCHELASTIC_MAX_RESTARTS TORCH_NCCL_ASYNC_ERROR_HANDLING PYTORCH_CUDA_ALLOC_CONF RANK LOCAL_RANK WORLD_SIZE LOCAL_WORLD_SIZE GROUP_RANK
    GROUP_WORLD_SIZE ROLE_NAME ROLE_RANK ROLE_WORLD_SIZE MASTER_ADDR MASTER_PORT SLURM_JOB_ID SLURM_NTASKS KUBERNETES_SERVICE_HOST HF_HOME HF_TOKEN TRANSFORMERS_CACHE WANDB_PROJECT WANDB_MODE
    AWS_REGION GITHUB_ACTIONS GITHUB_RUN_ID CI BUILD_ID JOB_NAME JAVA_HOME DEBIAN_FRONTEND DEBUG LOG_LEVEL PORT HOST DATA_DIR CACHE_DIR OUTPUT_DIR MODEL_NAME BATCH_SIZE'''.split()

def test_strangers_are_left_in_peace():
    "With every setting there is, and every text that may stand there."
    assert len(STRANGERS) >= 80
    assert [(v, m) for v in {*STRANGERS, *os.environ}-KNOWN.keys() for t in ('1', 'x', '/usr/x') if (m := meant(v, t, KNOWN))] == []

def test_slips_are_named():
    "A letter left out, exchanged, doubled, or swapped with its neighbour, in every name there is."
    rng, typed, right = random.Random(0), 0, 0
    for name in KNOWN:
        i = rng.randrange(1, len(name))
        for w in (name[:i]+name[i+1:], name[:i]+rng.choice(string.ascii_uppercase)+name[i+1:], name[:i]+name[i]+name[i:], name[:i-1]+name[i]+name[i-1]+name[i+1:]):
            if w in KNOWN: continue
            found = meant(w, '1', KNOWN)
            assert found, f'{w} goes unnoticed'
            typed, right = typed+1, right+(found == name)
    assert right > .97*typed, f'{right} of {typed} named with the right setting'

MISTAKES = {  # variables, and what the one line must name, as it was written
    'NUM_LAYERS=eleven': 'NUM_LAYERS=eleven: wanted a whole number', 'TTT_LR=': 'TTT_LR=: wanted a number', 'TTT_ENABLED=maybe': 'TTT_ENABLED=maybe: wanted 0 or 1',
    'QAT_ENABLED=2': 'QAT_ENABLED=2: wanted 0 or 1', 'MATRIX_LR=nan': 'MATRIX_LR=nan: wanted a number', 'NUM_LAYERS=0': 'NUM_LAYERS=0', 'LOADER=fast': 'LOADER=fast',
    'PRESET=tpu': 'preset=tpu: one of', 'DATA_PATH=/nowhere': 'DATA_PATH=', 'TTT_FREEZE_BLOCKS=99': 'TTT_FREEZE_BLOCKS=99', 'EVAL_STRIDE=0': 'EVAL_STRIDE=0', 'AVERAGE=mean': 'AVERAGE=mean',
    'TRAIN_BATCH_TOKENS=1000': 'TRAIN_BATCH_TOKENS=1000', 'SEED=-1': 'SEED=-1'}

@pytest.mark.parametrize('words', MISTAKES)
def test_one_line_for_a_mistake(words, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    for w in words.split(): monkeypatch.setenv(*w.split('='))
    assert main(['run', f'out={tmp_path}/run']) == 2
    said = capsys.readouterr().err
    assert MISTAKES[words] in said and said.count('\n') == 1 and list(tmp_path.iterdir()) == []

def test_run_reads_the_environment(tmp_path):
    "In a process of its own: what was set is said and kept, what was misspelt is named, the command line goes first, and the run is made."
    small = dict(PRESET='cpu', NUM_LAYERS='1', MODEL_DIM='64', VE_LAYERS='0', BIGRAM_VOCAB_SIZE='64', BIGRAM_DIM='64', VE_DIM='16', XSA_LAST_N='1', ITERATIONS='2', SEED='5',
                 TTT_ENABLED='0', NGRAM_ENABLED='0', SAMPLE_TOKENS='0', VAL_BYTES='20000', TRAIN_BATCH_TOKEN='512')
    (tmp_path/'text.txt').write_text('\n\n'.join(f'The {i}th document speaks of {i*i} things.' for i in range(400)))
    code = 'import sys; from pgolf.cli import main; sys.exit(main())'
    p = subprocess.run([sys.executable, '-c', code, 'run', f'text={tmp_path}/text.txt', f'out={tmp_path}/run', 'seed=6', '--quiet'], cwd=ROOT, env={**os.environ, **small},
                       capture_output=True, text=True, timeout=300)
    assert p.returncode == 0, p.stderr
    assert p.stderr.splitlines() == ['pgolf: warning: TRAIN_BATCH_TOKEN=512: no such setting; did you mean TRAIN_BATCH_TOKENS?']
    values = json.loads((tmp_path/'run/config.json').read_text())['values']
    assert values['num_layers'] == dict(value=1, source='environment') and values['seed'] == dict(value=6, source='command line')
    assert values['num_heads'] == dict(value=4, source='preset cpu') and values['iterations'] == dict(value=2, source='environment')

def test_help_speaks_of_variables():
    from pgolf.cli import settings_text
    text = ' '.join(settings_text().split())
    for words in ('NUM_LAYERS=11', 'DATA_PATH sets data', 'QAT_ENABLED sets late_qat_threshold', 'environment before the preset'): assert words in text
    assert all(p in text for p in PRESETS)
