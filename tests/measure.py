"""Keep what a run measured: a line of nbs/measured.jsonl, from the run's own results.json.

    python tests/measure.py runs/NAME run 'built-in' 'pgolf run'                         a run of the whole chain
    python tests/measure.py runs/NAME trial 'matrix_lr 0.015' 'pgolf run steps=600 ...'  something tried
    python tests/measure.py runs/NAME size 'six layers' 'pgolf run num_layers=6 ...'     a size to be foretold
    python tests/measure.py runs/NAME elsewhere shared TEXT                             its model on text that no setting was chosen by
    python tests/measure.py runs/NAME 'no lessons' shared ttt_enabled=0                 its model and n-grams on its text, without test-time training

With a run of the chain goes what classic compressors make of the scored text after the very text that the run was trained on.
What is scored elsewhere are the documents of TEXT that come after those which the run has scored, up to as many bytes.
"""
import bz2, datetime, json, lzma, sys
from pathlib import Path
import numpy as np, pyppmd, zstandard
from pgolf.artifact import PRIMER
from pgolf.chain import restore, score_model
from pgolf.compress import score_settings
from pgolf.entry import shards_corpus
from pgolf.folder import Folder
from pgolf.settings import Settings
from pgolf.shards import Corpus
from pgolf.text import cut_at_document, read_documents

DEST = Path(__file__).resolve().parent.parent/'nbs/measured.jsonl'
KEYS = ('preset val_bpb baselines text_bytes tokens bytes seconds steps n_params tokens_per_sec peak_memory_bytes seed device versions '
        'val_sha256 config_hash').split()

def ppmd(data): # order 10 is the best of 6, 10 and 16 on the shared corpus
    e = pyppmd.Ppmd7Encoder(10, 1 << 30)
    return e.encode(data) + e.flush()

LONG = zstandard.ZstdCompressionParameters.from_level(22, window_log=27)
COMPRESSORS = { # each with a window over all of the text
    'xz -9e': lambda b: lzma.compress(b, filters=[dict(id=lzma.FILTER_LZMA2, preset=9|lzma.PRESET_EXTREME, dict_size=1 << 26)]),
    'zstd -22': lambda b: zstandard.ZstdCompressor(compression_params=LONG).compress(b), 'bzip2 -9': bz2.compress, 'PPMd, order 10': ppmd}

NOWHERE = Folder('/dev/null', quiet=True, writes=False)

def corpus_of(folder):
    "What a run was trained and scored on."
    folder = Path(folder)
    told = json.loads((folder/'config.json').read_text())['values']
    vocab = next(folder.glob('tokenizer.*'))
    return shards_corpus(Settings(preset='cpu', data=str(folder/'shards'), vocab=str(vocab), val_bytes=str(told['val_bytes']['value'])), NOWHERE)

def informed(folder, docs=None):
    "Bits per byte of the scored text, or of these documents, by compressors that have read the training text before it."
    corpus = corpus_of(folder)
    tokens = np.concatenate(corpus.train)
    begins = [*np.flatnonzero(tokens == corpus.tok.bos_id), len(tokens)]
    before = b'\n\n'.join([corpus.tok.decode(tokens[a:b]) for a, b in zip(begins, begins[1:])] + [b''])
    text = b'\n\n'.join(docs or corpus.docs)
    return {k: 8*(len(f(before+text))-len(f(before)))/len(text) for k, f in COMPRESSORS.items()}

def line(folder, kind, what, command):
    "The line for one run."
    results = json.loads((Path(folder)/'results.json').read_text())
    kept = dict(kind=kind, text=what if kind == 'run' else 'built-in', change='' if kind == 'run' else what, command=command,
                date=datetime.date.today().isoformat(), **{k: results[k] for k in KEYS if k in results})
    parts = {p['part']: p['bytes'] for p in results['parts']}
    kept |= dict(bytes_primer=parts.get(PRIMER, 0))
    return kept | dict(informed=informed(folder)) if kind == 'run' else kept

def elsewhere(folder, what, path):
    "The line for a run's model on the documents after those that it was scored on."
    results = json.loads((Path(folder)/'results.json').read_text())
    model, loaded = restore(Path(folder)/'model.pgolf')
    docs = [*read_documents((path,))]
    seen = len(cut_at_document(docs, n_bytes := json.loads((Path(folder)/'config.json').read_text())['values']['val_bytes']['value']))
    docs, tok = cut_at_document(docs[seen:], n_bytes), loaded.tokenizer
    bpb = score_model(model, score_settings(loaded, {}), Corpus([], tok.encode_documents(docs), docs, tok, {}),
                      NOWHERE, primer=loaded.primer)
    return dict(kind='elsewhere', text=what, date=datetime.date.today().isoformat(), seed=results['seed'], val_bpb=bpb,
                text_bytes=sum(map(len, docs)), first_document=seen, bytes=results['bytes'], informed=informed(folder, docs))

def otherwise(folder, kind, what, words):
    "The line for a run's model on the text that the run has scored, by other settings of the scoring."
    results = json.loads((Path(folder)/'results.json').read_text())
    model, loaded = restore(Path(folder)/'model.pgolf')
    bpb = score_model(model, score_settings(loaded, dict(w.split('=') for w in words.split())), corpus_of(folder), NOWHERE, primer=loaded.primer)
    return dict(kind=kind, text=what, date=datetime.date.today().isoformat(), seed=results['seed'], settings=words, val_bpb=bpb, bytes=results['bytes'])

if __name__ == '__main__':
    if len(sys.argv) != 5 or sys.argv[2] not in ('run', 'trial', 'size', 'elsewhere', 'no lessons'): sys.exit(__doc__)
    folder, kind, what, last = sys.argv[1:]
    made = elsewhere(folder, what, last) if kind == 'elsewhere' else otherwise(*sys.argv[1:]) if kind == 'no lessons' else line(folder, kind, what, last)
    with open(DEST, 'a') as f: print(json.dumps(made), file=f)
