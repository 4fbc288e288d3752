"""Read thousands of damaged files of every format, and count the outcomes.

    python benchmarks/bench_fuzz.py --cases 2000

Small valid files of seventeen kinds are damaged by a seeded mutator (``tests/fuzzing.py``): flipped bits, extreme
numbers, cuts, insertions; in text headers also replaced numbers and words. Each damaged file is opened as a cube, a
label map, a map and as spectra. A case passes if all of these either give an array of the described size or raise an
error that names the file. Everything else is a finding: another exception, the end of the process, more than ten
seconds, or more than 256 MiB. The cases run in processes that may take 1 GiB more than they start with.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / 'tests'))

from fuzzing import Watchdog, damage, read_all, write_samples

KINDS = ('sound', 'error', 'crash', 'hang', 'memory')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cases', type=int, default=2000, help='damaged files of each kind (default: 2000)')
    parser.add_argument('--first', type=int, default=0, help='number of the first case (default: 0)')
    parser.add_argument('--only', help='only the kinds whose name holds this text')
    parser.add_argument('--show', type=int, default=3, help='findings to print for each kind (default: 3)')
    args = parser.parse_args()
    found = 0
    print(f'| files | cases | {" | ".join(KINDS)} | seconds |\n| --- |{" --- |" * (len(KINDS) + 2)}')
    with tempfile.TemporaryDirectory() as root:
        samples, work = Path(root, 'samples'), Path(root, 'work')
        samples.mkdir()
        work.mkdir()
        for kind, names in write_samples(samples).items():
            if args.only and args.only not in kind:
                continue
            start = time.perf_counter()
            counts, findings = Watchdog().run(
                lambda number, names=names: read_all(damage(samples, names, work, number)),
                range(args.first, args.first + args.cases),
            )
            row = ' | '.join(str(counts[name]) for name in KINDS)
            print(f'| {kind} | {args.cases} | {row} | {time.perf_counter() - start:.0f} |', flush=True)
            for finding in findings[: args.show]:
                print(finding, file=sys.stderr)
            found += len(findings)
    print(f'{found} findings')
    raise SystemExit(bool(found))


if __name__ == '__main__':
    main()
