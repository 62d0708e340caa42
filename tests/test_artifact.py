"""Artifacts that nobody packed on purpose: more than 5,000 of them, each refused in one line, in under a second of work, within
twice the memory that is declared; and codes of every width, there and back. Files are read in a process of their own, where a hang
ends by the alarm and memory beyond the limit cannot be had."""
import hashlib, json, multiprocessing, random, resource, signal, time, traceback
from functools import lru_cache
from pathlib import Path
import numpy as np, pytest, torch
from pgolf.artifact import MAGIC, MAX_HEADER_BYTES, MAX_RAW_BYTES, VERSION, _DIGEST, _PREFIX, _digest, pack_quantised, read_header, read_model
from pgolf.bytes import bytes_by_part
from pgolf.coder import decode, encode
from pgolf.quantize import Quantised, dequantise_state
from pgolf.tokenizer import Tokenizer

# ---- round trips

def gaussian(rng, shape, n_bits):
    top = 2**(n_bits-1) - 1
    return np.clip(np.round(rng.standard_normal(shape)*top/2.5), -top, top).astype(np.int8)

@pytest.mark.parametrize('n_bits', range(2, 9))
def test_codes_come_back(n_bits):
    rng, top = np.random.default_rng(n_bits), 2**(n_bits-1) - 1
    arrays = [gaussian(rng, s, n_bits) for s in ((40, 30), (1, 500), (500, 1), (1, 1), (7,), (), (3, 4, 5), (0, 5), (5, 0), (0,))]
    arrays += [np.full((30, 20), v, np.int8) for v in (0, 1, -1, top, -top)] + [rng.integers(-top, top+1, (20, 30)).astype(np.int8)]
    arrays += [gaussian(rng, (30, 40), n_bits)[::2, ::-1], gaussian(rng, (30, 40), n_bits).T]
    data = encode(arrays)
    got, n_bytes = decode(data, [a.shape for a in arrays], 'int8')
    for a, b in zip(arrays, got): assert a.shape == b.shape and np.array_equal(a, b)
    assert sum(n_bytes) == len(data) and min(n_bytes) >= 0
    with pytest.raises(ValueError, match='need'): decode(data[:len(data)//2], [a.shape for a in arrays], 'int8')

@pytest.mark.parametrize('dtype', ['int8', 'uint8', 'int16', 'uint16', 'int32', 'int64', 'float16', 'float32', 'float64'])
def test_any_bits_come_back(dtype):
    "Also -128, NaN of every kind, and the worst that a coder can be given: what it has just learnt not to expect."
    rng, size = np.random.default_rng(0), np.dtype(dtype).itemsize
    raw = [rng.bytes(size*300), bytes(size*300), bytes(size*200) + b'\xff'*size*100, bytes(range(256))*size, b'\x80'*size*9, b'']
    arrays = [np.frombuffer(r, dtype) for r in raw]
    got, n_bytes = decode(encode(arrays), [a.shape for a in arrays], dtype)
    assert [a.tobytes() for a in got] == raw and all(a.dtype == dtype for a in got)

def test_large_tensor_comes_back():
    "28 million codes, as many as a model of the challenge has; ternary, for it is a test and not a benchmark."
    codes = np.random.default_rng(0).integers(-1, 2, (7000, 4000), np.int8)
    data = encode([codes])
    assert np.array_equal(decode(data, [codes.shape], 'int8')[0][0], codes)
    assert len(data)*8 < codes.size*np.log2(3)*1.001

# ---- a small model with everything in it

def small_model(seed):
    rng = np.random.default_rng(seed)
    def half(*shape): return torch.from_numpy((rng.standard_normal(shape)*.1).astype(np.float16))
    def codes(n_bits, rows, cols, **sides): return Quantised(f'int{n_bits}', torch.from_numpy(gaussian(rng, (rows, cols), n_bits)), half(rows), **sides)
    out = {f'm{n}': codes(n, 6, 8, error=.01*n) for n in range(2, 9)}
    out |= {'low.rank': codes(5, 6, 8, columns=half(8), left=half(6, 2), right=half(2, 8)), 'scalar': codes(8, 1, 5),
            'half': Quantised('fp16', half(9), dtype=torch.bfloat16), 'full': Quantised('fp32', half(3, 4).float()),
            'whole': Quantised('raw', torch.arange(5), dtype=torch.int64), 'zero': Quantised('int4', torch.zeros(9, 9, dtype=torch.int8), half(9))}
    return out

def small_artifact(seed):
    tok = Tokenizer.from_tokens([b'a', b'b', b'ab', b' a'])
    return pack_quantised(small_model(seed), dict(vocab_size=9), tok, dict(seed=seed))

def test_model_comes_back():
    data = small_artifact(0)
    got, want = read_model(data), dequantise_state(small_model(0))
    assert got.state.keys() == want.keys() and got.meta == dict(seed=0) and got.tokenizer.n_vocab == 5
    for k, t in want.items(): assert torch.equal(got.state[k], t) and got.state[k].dtype == t.dtype, k
    rows = bytes_by_part(data)
    assert sum(r['bytes'] for r in rows) == len(data) and {r['part']: r['error'] for r in rows}['m3'] == .03

@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU here')
def test_same_weights_on_gpu():
    state = read_model(small_artifact(0)).state
    for k, t in state.items(): assert torch.equal(t.cuda().cpu(), t), k

# ---- a forger's tools

@lru_cache
def header_of(data):
    start = read_header(data)[2]
    return decode(data[_PREFIX.size:start], [_PREFIX.unpack_from(data)[3]], 'uint8')[0][0].tobytes(), data[start:-_DIGEST]

def opened(data): return json.loads(header_of(data)[0]), header_of(data)[1]

def signed(raw, body, n_raw=None, n_packed=None):
    "Any bytes as a header, before a body, every digest right."
    packed = encode([np.frombuffer(raw, np.uint8)])
    n_packed = len(packed) if n_packed is None else n_packed
    whole = _PREFIX.pack(MAGIC, VERSION, n_packed, len(raw) if n_raw is None else n_raw, _digest((packed+body)[:n_packed])) + packed + body
    return whole + _digest(whole)

def flipped(rng, data):
    out = bytearray(data)
    for at in rng.sample(range(len(out)), rng.choice([1, 1, 1, 2, 9])): out[at] ^= 1 << rng.randrange(8)
    return bytes(out)

def cut(rng, data):
    a, b = sorted(rng.choices(range(len(data)), k=2))
    b += a == b
    return rng.choice([data[:a], data[b:], data[:a] + data[b:], data[:b] + data[a:b] + data[b:], data[:a] + bytes(b-a) + b'\1' + data[b:],
                       data[:a] + rng.randbytes(b-a+1) + data[b:], data + rng.randbytes(rng.randrange(1, 40))])

def forged_lengths(rng, data):
    "Lengths of the header that are not its own; digests as they must be."
    header, body = opened(data)
    raw = json.dumps(header).encode()
    n = rng.choice([0, 1, len(raw)-9, len(raw)+9, 2*len(raw), MAX_HEADER_BYTES, MAX_HEADER_BYTES+1, 2**31, 2**32-1, rng.randrange(2**32)])
    return signed(raw, body, n_raw=n) if rng.random() < .5 else signed(raw, body, n_packed=min(n, 2**32-1))

NASTY = [None, True, -1, -2**63, 0.5, 1e308, 2**40, 2**62, 10**30, '', 'x'*5000, [], {}, [[]], [None], {'a': 1}, 'pickle', 'object', 'O', '>i1', 'V4']

def forged_streams(rng, data):
    "A field of a stream, or a shape or name in it, that cannot be right."
    header, body = opened(data)
    s = rng.choice([s for s in header['streams'] if s['dtype'] == 'int8'])
    a = rng.choice(s['arrays'])
    match rng.randrange(9):
        case 0: s[rng.choice(list(s))] = rng.choice(NASTY)
        case 1: a[1] = rng.choice([[2**39], [2**20]*8, [1]*9, [-1, -48], [True, 48], [6., 8], [6, [8]], ['6', 8], [2**13, 2**13], [48], [8, 6],
                                   [rng.randrange(10**9)], [60_000_000], [60_000_000, 1], [1, 60_000_000]])
        case 2: a[0] = rng.choice([n for t in header['streams'] for n, _ in t['arrays'] if n != a[0]] + NASTY[:9])
        case 3: s['bytes'] += rng.choice([-1, 1, 100, 2**31])
        case 4: s['dtype'] = rng.choice(['float16', 'int64', 'int32', 'uint8', 'float32'])
        case 5: s['name'] = rng.choice(['fp16', 'fp32', 'int1', 'int9', 'int', '', 'vocabulary'])
        case 6: s['arrays'] = rng.choice([[], s['arrays'][1:], s['arrays'] + [['more', [9, 9]]], s['arrays']*2, [a[0]], [[*a, 1]]])
        case 7: header['streams'] = rng.choice([header['streams'][::-1], header['streams'][1:], header['streams']*2, {}, None, [s, None], [[]]])
        case _: s.pop(rng.choice(list(s)))
    return signed(json.dumps(header).encode(), body)

def forged_meta(rng, data):
    header, body = opened(data)
    if rng.random() < .2: header[rng.choice(['meta', 'more'])] = rng.choice(NASTY)
    elif rng.random() < .3: header['meta'].pop(rng.choice(['config', 'formats', 'errors', 'extra']))
    elif rng.random() < .3: header['meta'][rng.choice(['config', 'formats', 'errors', 'extra'])] = rng.choice([v for v in NASTY if type(v) is not dict])
    elif rng.random() < .5: header['meta']['formats'] = {rng.choice(['m6', 'half']): rng.choice(NASTY + ['float64', 'int8', 'complex64'])}
    else: header['meta'][rng.choice(['config', 'errors'])] = dict(vocab_size=rng.choice([v for v in NASTY if type(v) not in (int, float)] + [4]), m6=[])
    return signed(json.dumps(header).encode(), body)

def bomb(rng, data):
    "Headers that are none: nested without end, numbers that are not, text that is not."
    header, body = opened(data)
    whole, n = json.dumps(header), rng.choice([300]*4 + [3000]*4 + [30_000, 100_000])
    raw = rng.choice(['['*n, '{"a":'*n, '[['*n + ']]'*n, '9'*n, '-'*n, '"'+'\\u0000'*n, '[1e999]', '[' + '0,'*n + '0]', '"' + 'x'*n + '"', ' '*n,
                      whole.replace('"errors": {', '"errors": {"m6": NaN, "x": {', 1), whole.replace(': 9', ': Infinity', 1), whole[:-1], whole + '1',
                      whole.replace('"meta"', '"meta": 1, "metal"', 1), '', 'null', '[]', '{}', '\ud800', '\\']).encode('utf-8', 'surrogatepass')
    return signed(raw, body)

def swapped(rng, data):
    "The header of one over the body of another."
    header, _ = opened(data)
    _, body = opened(OTHERS[rng.randrange(len(OTHERS))])
    return signed(json.dumps(header).encode(), body)

def forged_body(rng, data):
    "Bytes of the streams changed, and every digest made to fit: what remains is for the decoder to notice, or another model."
    header, body = opened(data)
    body, at = bytearray(body), 0
    for _ in range(rng.choice([1, 3, 20])): body[rng.randrange(len(body))] = rng.randrange(256)
    for s in header['streams']: s['sha256'] = hashlib.sha256(body[at:(at := at + s['bytes'])]).hexdigest()
    return signed(json.dumps(header).encode(), bytes(body))

OTHERS = [small_artifact(seed) for seed in range(1, 9)]
KINDS = {flipped: 1600, cut: 1000, forged_lengths: 400, forged_streams: 1200, forged_meta: 400, bomb: 300, swapped: 200, forged_body: 400}

# ---- all of them, in a process of their own

def read_all(files, connection):
    done, i, data = dict(refused=0, accepted=0, slowest=0.), -1, b''
    try:
        read_model(small_artifact(0))                      # everything compiled
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pages = int(Path('/proc/self/statm').read_text().split()[0]) if Path('/proc/self/statm').exists() else 0
        if pages: resource.setrlimit(resource.RLIMIT_AS, (pages*resource.getpagesize() + 2*MAX_RAW_BYTES,)*2)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for i, data in enumerate(files):
            signal.setitimer(signal.ITIMER_REAL, 30)
            began = time.process_time()
            try:
                read_model(data, 'FILE')
                done['accepted'] += 1
            except ValueError as e:
                said = str(e)
                assert said.startswith('FILE: ') and '\n' not in said and len(said) < 400, f'not one line: {said!r}'
                done['refused'] += 1
            done['slowest'] = max(done['slowest'], time.process_time() - began)
            signal.setitimer(signal.ITIMER_REAL, 0)
        done['memory'] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)*1024
        connection.send(done)
    except BaseException: connection.send(f'file {i}: {traceback.format_exc()}')

@pytest.mark.parametrize('kind', KINDS, ids=lambda k: k.__name__)
def test_mutated(kind):
    rng, n = random.Random(kind.__name__), KINDS[kind]
    whole = small_artifact(0)
    files = [kind(rng, whole) for _ in range(n)]
    files = [f for f in files if f != whole]
    ours, theirs = multiprocessing.Pipe(False)
    child = multiprocessing.get_context('fork').Process(target=read_all, args=(files, theirs))
    child.start()
    theirs.close()
    try: done = ours.recv()
    except EOFError: done = None
    child.join()
    done = done or f'ended by signal {-child.exitcode}'
    assert isinstance(done, dict), done
    print(kind.__name__, done)
    assert done['slowest'] < 1 and done['memory'] < 2*MAX_RAW_BYTES
    if kind is forged_body: assert done['refused'] > len(files)//4
    else: assert done['accepted'] == 0 and done['refused'] >= .99*n

def test_enough(): assert sum(n for k, n in KINDS.items() if k is not forged_body) >= 5000
