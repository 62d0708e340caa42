"""Keep what a run measured: a line of nbs/measured.jsonl, from the run's own results.json.

    python tests/measure.py runs/NAME run 'built-in' 'pgolf run'                         a run of the whole chain
    python tests/measure.py runs/NAME trial 'matrix_lr 0.015' 'pgolf run steps=600 ...'  something tried
"""
import datetime, json, sys
from pathlib import Path

DEST = Path(__file__).resolve().parent.parent/'nbs/measured.jsonl'
KEYS = 'preset val_bpb baselines text_bytes tokens bytes seconds steps n_params tokens_per_sec peak_memory_bytes seed device versions val_sha256 config_hash'.split()

def line(folder, kind, what, command):
    "The line for one run."
    results = json.loads((Path(folder)/'results.json').read_text())
    return dict(kind=kind, text=what if kind == 'run' else 'built-in', change=what if kind == 'trial' else '', command=command,
                date=datetime.date.today().isoformat(), **{k: results[k] for k in KEYS if k in results})

if __name__ == '__main__':
    if len(sys.argv) != 5 or sys.argv[2] not in ('run', 'trial'): sys.exit(__doc__)
    with open(DEST, 'a') as f: print(json.dumps(line(*sys.argv[1:])), file=f)
