"""Resample OSCD (Sentinel-2, 24 cities, two dates) to one grid per city: 13 bands of both dates and the change map.

    python tools/dataset_converters/oscd.py PATH/TO/THE/UNPACKED/RELEASE [--out data/oscd]

The release is three archives, '... - Images', '... - Train Labels' and '... - Test Labels'; unpack them into one folder
and pass that, or pass several folders. A folder is written for each city: imgs_1_rect/ms_data.npy and
imgs_2_rect/ms_data.npy (uint16, H x W x 13, in the order B01 ... B08, B8A, B09 ... B12), cm/cm.png (0 unchanged, 255
changed) and conversion.json, which records the conversion. An existing city is not converted again unless its files in
the release have changed, and a failure does not stop the other cities. Source: Daudt, Le Saux, Boulch and Gousseau,
OSCD - Onera Satellite Change Detection, doi:10.21227/asqe-7s69.
"""

from __future__ import annotations

import argparse
import os
import sys

from mmhsi.datasets.oscd import CITIES, IMAGES, METHODS, OscdSettings, convert_city, find_cities
from mmhsi.utils.command_line import run_tool
from mmhsi.utils.progress import progress_bar, write_line


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sources', nargs='+', metavar='SOURCE', help='folders of the release, searched recursively')
    parser.add_argument(
        '--out',
        default=os.path.join(os.environ.get('MMHSI_DATA', 'data'), 'oscd'),
        help='folder to write to (default: oscd in $MMHSI_DATA, or in data/)',
    )
    parser.add_argument('--cities', nargs='+', metavar='CITY', help='convert only these (default: all that are found)')
    parser.add_argument(
        '--images',
        choices=IMAGES,
        default='auto',
        help='imgs_*_rect of the release, which are registered, its original imgs_*, or the former where both dates '
        'have them (default: auto)',
    )
    parser.add_argument('--resampling', choices=METHODS, default='cubic', help='interpolation (default: cubic)')
    parser.add_argument(
        '--no-register',
        action='store_true',
        help='leave the shift between the dates of original images (up to 1.3 pixels) as it is',
    )
    return parser.parse_args(argv)


def describe(record: dict) -> str:
    """One line about the conversion of a city."""
    shift, changes = record['shift_of_second_date'], record['change_map']
    size = '{height} x {width}'.format(**record['grid'])
    share = changes['changed'] / (changes['changed'] + changes['unchanged'])
    done = 'taken out' if shift['used'] else 'left'
    return (
        f'{record["city"]}: {size} pixels, {share:.1%} changed, {record["images"]} images, shift of the second '
        f'date {shift["rows"]:+.2f} rows {shift["columns"]:+.2f} columns {done}'
    )


def run(args: argparse.Namespace) -> int:
    """Convert the requested cities; returns the exit status."""
    settings = OscdSettings(args.images, args.resampling, not args.no_register)
    found = find_cities(args.sources)
    unknown = [city for city in args.cities or () if city not in found]
    if unknown:
        raise FileNotFoundError(f'no images of {", ".join(unknown)}; there are those of {", ".join(found)}')
    failed = {}
    for city in progress_bar(args.cities or found, 'converting', 'cities'):
        try:
            record = convert_city(found[city], args.out, settings, write_line)
        except (ValueError, OSError, RuntimeError) as error:
            failed[city] = error
            write_line(f'error: {error}', file=sys.stderr)
        else:
            write_line(f'{city}: converted before' if record is None else describe(record))
    absent = [city for city in CITIES if city not in found]
    if absent and not args.cities:
        print(f'of the {len(CITIES)} cities of OSCD the release here lacks {", ".join(absent)}')
    if failed:
        print(f'not converted: {", ".join(failed)}', file=sys.stderr)
    return 1 if failed else 0


def main(argv: list[str] | None = None) -> int:
    try:
        return run(parse_args(argv))
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    run_tool(main)
