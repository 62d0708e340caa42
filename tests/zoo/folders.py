"""Folders for the zoo: CHEATS and HONEST, name -> (function that writes into a folder, what it stands for). Each is a sound submission with one thing changed."""
import base64, json, lzma, math, zlib
from statistics import fmean

CANONICAL, MODEL = 151_080_891, 15_000_000
SCRIPT = '''import os, torch
def train(tokens): return torch.zeros(3)
def evaluate(model, tokens): return 1.0
if __name__ == '__main__': print(evaluate(train([]), []))
'''
RULE = '='*100 + '\n'

def submission(d, loss=1.9, tokens=62_021_846, text_bytes=CANONICAL, secs=599.5, secs_eval=400., seeds=(42, 1337, 2024), script=SCRIPT, logged=None,
               code=None, model=MODEL, lines='', logs=None, readme=None, spread=.0005, helper=None, **claims):
    "A submission's folder; whatever is not given is in order."
    data = script.encode() if isinstance(script, str) else script
    code = code or len(data) + (len(helper) if helper else 0)
    losses = [loss + spread*i for i in range(len(seeds))]
    scores = [l/math.log(2)*tokens/text_bytes for l in losses]
    (d/'train_gpt.py').write_bytes(data)
    if helper: (d/'helper.py').write_text(helper)
    for s, l, b in (*zip(seeds, losses, scores),)[:len(seeds) if logs is None else logs]:
        (d/f'train_seed{s}.log').write_text(
            (logged or (script if isinstance(script, str) else '')) + RULE + f'seed:{s}\ntrain_loader:dataset:fineweb10B_sp1024 train_shards:80\n'
            f'val_loader:shards pattern=./data/datasets/fineweb10B_sp1024/fineweb_val_*.bin tokens:{tokens}\n'
            f'step:100/20000 val_loss:3.1000 val_bpb:1.8400 train_time:5000ms step_avg:50.00ms\n{lines}'
            f'stopping_early: wallclock_cap train_time:{secs*1000:.0f}ms step:12000/20000\nSerialized model int6+lzma: {model} bytes\nCode size: {code} bytes\n'
            f'Total submission size int6+lzma: {model+code} bytes\nfinal_sliding val_loss:{l:.4f} val_bpb:{b:.4f} stride:64 eval_time:{secs_eval*1000:.0f}ms\n'
            f'final_sliding_exact val_loss:{l:.8f} val_bpb:{b:.8f}\n')
    block = dict(author='a', github_id='a', name='zoo', blurb='one thing changed', date='2026-01-01', val_loss=round(fmean(losses), 8),
                 val_bpb=round(fmean(scores), 8), bytes_total=model+code, bytes_code=code, seeds=list(seeds),
                 compliance=dict(train_under_600s=True, artifact_under_16mb=True, no_slot=True, no_pre_quant_ttt=True))
    (d/'submission.json').write_text(json.dumps(block | claims))
    (d/'README.md').write_text(readme or f'# zoo\n\nval_bpb {block["val_bpb"]:.4f}, the mean over seeds {seeds}.\n')

def remove(name):
    def write(d): submission(d); (d/name).unlink()
    return write
def change(name, old, new):
    def write(d): submission(d); p = d/name; t = p.read_text(); assert old in t; p.write_text(t.replace(old, new))
    return write
def made(**words): return lambda d: submission(d, **words)
def cut_log(d): submission(d); p = d/'train_seed1337.log'; p.write_text(p.read_text().split('stopping_early')[0])
def no_json(d): submission(d); (d/'submission.json').write_text('{"val_bpb": 1.1,')
def best_seed(d): # five were run, three are shown as all there were
    submission(d, seeds=(1, 2, 3, 4, 5)); p = d/'submission.json'; j = json.loads(p.read_text()); j['seeds'] = [1, 2, 3]; p.write_text(json.dumps(j))
def same_seed(d): submission(d); (d/'train_seed2024.log').write_text((d/'train_seed42.log').read_text())
def packed(source): return f'import lzma,base64\nexec(lzma.decompress(base64.b85decode({base64.b85encode(lzma.compress(source.encode())).decode()!r})))\n'
def hidden_helper(d): submission(d, script='import helper\n'+SCRIPT, code=len(SCRIPT)+14); (d/'helper.py').write_text('x = 1\n'*5000)
def c_helper(d): submission(d, script=SCRIPT+'open("tilt.c").read()\n'); (d/'tilt.c').write_text('int main;'*300)

CALIBRATES = SCRIPT.replace('def evaluate', 'def gptq_calibrate(model, x): pass\ndef evaluate').replace("print(", "gptq_calibrate(None, val_tokens); print(")
FETCHES = SCRIPT + 'from urllib.request import urlopen\nweights = urlopen("http://example.org/weights").read()\n'

CHEATS = dict(
    byte_table=(made(text_bytes=160_937_514, tokens=62_363_648), 'A: bytes that are not in the text'),
    fallback_bytes=(made(text_bytes=round(CANONICAL*1.0413)), 'A: fallback tokens counted 3 bytes'),
    space_twice=(made(text_bytes=176_332_748, tokens=40_540_160, loss=2.9), 'A: leading space counted twice'),
    sentinels=(made(text_bytes=164_594_398, tokens=47_851_520, loss=2.4), 'A: sentinels in the denominator'),
    one_log_only=(lambda d: (submission(d), change('train_seed42.log', f'val_bpb:{1.9/math.log(2)*62_021_846/CANONICAL:.8f}', 'val_bpb:1.04000000')(d)), 'A: bytes that are not in the text'),
    older_export=(made(tokens=63_779_840, text_bytes=155_770_000), 'A: other validation export'),
    subset=(made(tokens=9_662_464, text_bytes=29_950_000), 'B: a part of the text'), shards=(change('train_seed42.log', 'train_shards:80', 'train_shards:1499'), 'B: wrong split'),
    doubled_path=(change('train_seed42.log', 'data/datasets/', 'data/datasets/datasets/'), 'B: wrong split'),
    val_docs=(change('README.md', '# zoo', '# zoo\n\npython prepare.py --val-docs 10_000'), 'B: wrong split'),
    different_validation=(change('train_seed42.log', 'tokens:62021846', 'tokens:62021000'), 'B: a part of the text'),
    prequant=(made(lines='prequant_ttt_enabled: True\n'), 'C: test-time training before quantising'),
    calibrates_on_val=(made(script=CALIBRATES), 'C: calibrated on validation text'), packed_calibrates=(made(script=packed(CALIBRATES), logged=' '), 'C: calibrated on validation text'),
    late_calibration=(made(lines='', secs=599.5, **{}, readme=None) and made(lines='gptq: calibration on training data took 4.2 s\n'), 'F: calibration after the clock'),
    slot=(made(lines='SLOT_ENABLED=1\n'), 'E: SLOT'), admits=(made(compliance=dict(no_slot=False)), 'E: SLOT'),
    trains_long=(made(secs=600.237), 'F: training over 600 s'), evaluates_long=(made(secs_eval=754.), 'F: evaluation over 600 s'),
    precompute=(made(secs_eval=553., lines='ngram_time:200000ms\n'), 'F: precomputing outside the timer'),
    too_large=(made(model=16_112_007), 'F: over the cap'), too_large_shipped=(made(model=15_999_000, code=900, script=SCRIPT + '# long\n'*300), 'F: over the cap'),
    code_not_counted=(made(code=50), 'F: code not counted'), helper_not_counted=(hidden_helper, 'F: code not counted'), c_not_counted=(c_helper, 'F: code not counted'),
    other_source=(made(logged=SCRIPT.replace('1.0', '0.5')), 'F: source in the log is another'), two_seeds=(made(seeds=(1, 2)), 'F: too few seeds'), chosen_seeds=(best_seed, 'F: seed selection'),
    same_seed=(same_seed, 'F: the same seed twice'), other_score=(made(val_bpb=1.05), 'F: JSON against logs'), other_loss=(made(val_loss=1.96466), 'F: JSON against logs'),
    other_size=(made(bytes_total=15_000_000), 'F: JSON against logs'), readme=(made(readme='# zoo\n\nval_bpb 1.0001\n'), 'F: README against JSON'),
    no_logs=(made(logs=0), 'F: no logs'), log_cut=(cut_log, 'F: log stops before its results'), no_readme=(remove('README.md'), 'F: files missing'),
    no_script=(remove('train_gpt.py'), 'F: files missing'), no_json=(remove('submission.json'), 'F: files missing'), broken_json=(no_json, 'F: files missing'),
    not_python=(change('train_gpt.py', 'import os', 'import ('), 'F: files missing'), network=(made(script=FETCHES), 'F: network at evaluation'),
    best_seed_claimed=(made(val_bpb=round(1.9/math.log(2)*62_021_846/CANONICAL, 8), val_loss=1.9, readme=f'{1.9/math.log(2)*62_021_846/CANONICAL:.4f}'), 'F: seed selection'),
    seed_results=(made(seed_results={'42': dict(val_bpb=1.01), '1337': 1.02, '2024': 1.03}), 'F: JSON against logs'),
    clock=(change('train_seed42.log', 'train_time:5000ms step_avg:50.00ms', 'train_time:5000ms step_avg:80.00ms'), 'F: training over 600 s'),
    no_name=(lambda d: (submission(d), (d/'submission.json').write_text(json.dumps({k: v for k, v in json.loads((d/'submission.json').read_text()).items() if k != 'name'}))), 'F: keys missing'))

def packed_honest(d): submission(d, script=packed(SCRIPT), logged=SCRIPT)
def zipped(d): submission(d, script=f'import zlib,base64\nexec(zlib.decompress(base64.b64decode({base64.b64encode(zlib.compress(SCRIPT.encode()))!r})))\n', logged=SCRIPT)
def with_helper(d): submission(d, script='import helper\n'+SCRIPT, helper='def tilt(x): return x\n')
def with_tools(d): submission(d); (d/'prepare_data.py').write_text('print("makes the shards")\n'*100); (d/'requirements.txt').write_text('torch\n')
def many_logs(d): submission(d, seeds=(1, 2, 3, 4, 5, 6, 7))
def noisy_log(d): submission(d, lines='nvidia-smi 500W\nwarmup_step:1/20\nSWA: 12 snapshots\nslot machines are not used\nlr 0.04 val tokens none\n')

HONEST = dict(
    plain=(made(), 'in order'), tail_dropped=(made(tokens=62_021_632, text_bytes=CANONICAL-520), 'tail dropped'),
    sp8192=(made(tokens=40_540_160, loss=2.9, text_bytes=151_078_222), 'another vocabulary'), caseops=(made(tokens=47_851_520, loss=2.4, text_bytes=151_074_309), 'case transform with sidecar'),
    byte_level=(made(tokens=151_130_891, loss=.8), 'bytes as tokens'), packed=(packed_honest, 'packed script'), zipped=(zipped, 'packed script'),
    helper=(with_helper, 'helper module that is counted'), tools=(with_tools, 'tools beside the script'), many_seeds=(many_logs, 'seven seeds'), close=(made(model=16_000_000-len(SCRIPT)), 'at the cap to the byte'),
    on_time=(made(secs=600., secs_eval=599.9), 'at the clock to the millisecond'), calibrates=(made(secs=590., lines='gptq: calibration took 8.5s\n'), 'calibration in reserve'),
    noisy=(noisy_log, 'words that sound bad'), worst_seed=(made(val_bpb=round(1.901/math.log(2)*62_021_846/CANONICAL, 8), val_loss=1.901, readme=f'{1.901/math.log(2)*62_021_846/CANONICAL:.4f}'), 'the worst seed claimed'),
    one_score=(made(spread=0.), 'three seeds that agree'), ttt=(made(lines='ttt_enabled: 1\nscore_first_ttt: True\n'), 'test-time training'))

def write(name, text):
    def edit(d): (d/name).parent.mkdir(exist_ok=True); (d/name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return edit
def both(*edits): return lambda d: [e(d) for e in edits]
def logs(edit): # the same change in every log
    def change(d):
        submission(d)
        for p in d.glob('*.log'): p.write_bytes(t if isinstance(t := edit(p.read_text()), bytes) else t.encode())
    return change
def claim(edit): # in the JSON
    def change(d): submission(d); p = d/'submission.json'; p.write_text(json.dumps(edit(json.loads(p.read_text()))))
    return change
def moved(where): # logs under other names
    def change(d):
        submission(d)
        for p in [*d.glob('*.log')]: q = d/where.format(p.stem.removeprefix('train_seed')); q.parent.mkdir(parents=True, exist_ok=True); p.rename(q)
    return change
def halves(d): # each log in two files, training and results
    submission(d)
    for p in [*d.glob('*.log')]:
        head, end = p.read_text().split('final_sliding ', 1)
        p.write_text(head); (d/p.name.replace('train', 'eval')).write_text(head.split('step:')[0] + 'final_sliding ' + end)
def sizes(unit, n, total=None): # of model and total, in another unit
    def edit(t):
        lines = t.splitlines()
        return '\n'.join(l.split(':')[0]+f': {n:.2f} {unit}' if l.startswith(('Serialized', 'Total sub')) else l for l in lines)
    return both(logs(edit), *([lambda d: (d/'submission.json').write_text(json.dumps(json.loads((d/'submission.json').read_text()) | dict(bytes_total=total)))] if total else []))
def last(loss, bpb): # the last results of a log, in JSON
    return lambda t: t.split('final_sliding ')[0] + f'{{"event": "final", "val_loss": {loss:.8f}, "val_bpb": {bpb:.8f}, "eval_time_ms": 400000}}\n'
LOSS = 1.9; BPB = LOSS/math.log(2)*62_021_846/CANONICAL
TUNES = SCRIPT + 'def collect_hessians(model, x): pass\nloader = val_tokens[:4096]\ncollect_hessians(None, loader)\n'

CHEATS |= dict(
    package=(both(made(script='from src.tilt import go\n'+SCRIPT, code=len(SCRIPT)+24), write('src/tilt.py', 'x = 1\n'*5000)), 'F: code not counted'),
    kernel=(both(made(script=SCRIPT+'k = (HERE/"tilt").with_suffix(".cu").read_text()\n'), write('tilt.cu', 'int k;'*300)), 'F: code not counted'),
    mebibytes=(sizes('MiB', 15.6, 15), 'F: over the cap'), larger_on_disk=(both(made(), write('final_model.ptz', b'0'*16_100_000)), 'F: over the cap'),
    network_alias=(made(script='import requests as rq\n'+SCRIPT+'rq.get("http://example.org/w")\n'), 'F: network at evaluation'),
    network_helper=(made(script='import helper\n'+SCRIPT, helper='from urllib.request import urlopen\nw = urlopen("http://example.org/w")\n'), 'F: network at evaluation'),
    network_shell=(made(script='import subprocess\n'+SCRIPT+'subprocess.run(["curl", "-O", "http://example.org/w"])\n'), 'F: network at evaluation'),
    calibrates_through=(made(script=TUNES), 'C: calibrated on validation text'),
    trains_on_val=(made(script=SCRIPT+'train_files = "data/fineweb_val_*.bin"\n'), 'B: wrong split'),
    train_pattern=(change('train_seed42.log', 'train_loader:', 'train_loader:pattern=data/fineweb_*.bin '), 'B: wrong split'),
    other_path=(change('train_seed42.log', 'fineweb10B_sp1024/fineweb_val', 'mine/fineweb_val'), 'B: wrong split'),
    prequant_epochs=(made(lines='prequant_ttt_epochs: 6\n'), 'C: test-time training before quantising'), slot_steps=(made(lines='slot_steps: 24\n'), 'E: SLOT'),
    confesses=(made(compliance=dict(train_under_600s=True, uses_slot=True)), 'E: SLOT'), stage_long=(made(secs_eval=90., lines='ttt_sliding:done chunks=1893 elapsed=754.2s\n'), 'F: evaluation over 600 s'),
    sixteen=(made(lines='world_size:16\n'), 'F: more than eight GPUs'), deviation=(made(spread=.01, val_bpb_std=1e-5), 'F: JSON against logs'),
    seeds_list=(claim(lambda j: j | dict(seeds=[dict(seed=s, val_bpb=1.01) for s in (42, 1337, 2024)])), 'F: JSON against logs'),
    key_twice=(both(made(), lambda d: (d/'submission.json').write_text((d/'submission.json').read_text().replace('{', '{"val_bpb": 1.05, ', 1))), 'F: JSON against logs'))

HONEST |= dict(
    package=(both(made(script='from src.tilt import go\n'+SCRIPT, code=len(SCRIPT)+24+6), write('src/tilt.py', 'x = 1\n')), 'package that is counted'),
    names_tool=(both(made(script='"""Run: torchrun train_gpt.py"""\n'+SCRIPT+'if not SCRIPT: raise FileNotFoundError("run prepare.py first")\n'), write('prepare.py', 'x = 1\n'), write('old/train_gpt.py', 'x = 2\n')), 'a tool that an error names'),
    namesake=(both(made(script='import json\n'+SCRIPT), write('tools/json.py', 'x = 1\n')), 'a tool beside the script'),
    megabytes=(sizes('MB', 15.), 'sizes in megabytes'), negative_words=(made(compliance=dict(train_under_600s=True, uses_slot=False, network_at_eval=False)), 'promises of what is not done'),
    eval_gptq=(made(script=SCRIPT+'def eval_gptq_model(m, val_tokens): return 1.\nval_tokens = []\nprint(eval_gptq_model(None, val_tokens))\n'), 'evaluates a quantised model'),
    gptq_label=(logs(lambda t: t.replace('final_sliding', 'final_gptq_sliding')), 'evaluates a quantised model'),
    off=(made(lines='slot_enabled: 0\nslot_steps: 24\nprequant_ttt_enabled=False prequant_ttt_epochs=6\n'), 'settings of switches that are off'), launcher=(made(lines='rank 0=gpu01 slot=1\n'), 'words of a launcher'),
    host=(made(script='import socket\n'+SCRIPT+'os.environ["MASTER_ADDR"] = socket.gethostbyname(socket.gethostname())\n'), 'asks for its own name'),
    per_seed=(moved('seed_{}/train.log'), 'logs elsewhere'), by_seed=(moved('seed{}.txt'), 'logs elsewhere'), deep=(moved('logs/seed{}/run.log'), 'logs elsewhere'), halves=(halves, 'logs in two files'),
    more_logs=(both(made(), write('install.log', 'Successfully installed torch\n'), write('summary.log', 'seed 42: 1.1253\nmean 1.1256\n'), write('tokenize.log', 'tokens:62021846\n')), 'logs of other things'),
    colours=(logs(lambda t: t.replace('val_bpb:', 'val_bpb:\x1b[32m')), 'colours in the logs'), utf16=(logs(lambda t: t.encode('utf-16')), 'another encoding'), crlf=(logs(lambda t: t.replace('\n', '\r\n')), 'another end of line'),
    json_lines=(lambda d: (submission(d, spread=0.), [p.write_text(last(LOSS, BPB)(p.read_text())) for p in d.glob('*.log')]), 'results in JSON'),
    shuffle_seed=(made(lines='shuffle seed: 7\n'), 'another seed in the logs'), deviation=(made(spread=.01, val_bpb_std=.0059), 'a deviation as logged'))
