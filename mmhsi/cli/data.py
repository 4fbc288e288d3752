"""Check every file of a dataset: that it can be read, its size, bands, values, labels and checksum.

    mmhsi data data/indian_pines
    mmhsi data configs/classification/hypersigma-base_cls_indian-pines.py
    mmhsi data data/indian_pines --write-checksums data/indian_pines.sha256
    mmhsi data data/indian_pines --checksums data/indian_pines.sha256

For a config, the scenes of its data loaders are built too, which checks that their labels, classes, bands and splits
agree. Files are read block by block. The exit code is 1 if anything is wrong.
"""

import argparse
import os
import sys
from pathlib import Path

from mmhsi.utils.command_line import command_parser, find_config


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = command_parser(__doc__)
    parser.add_argument('dataset', help='folder of a dataset, or a config file')
    parser.add_argument('--checksums', metavar='FILE', help='list of SHA-256 checksums to compare with')
    parser.add_argument('--write-checksums', metavar='FILE', help='write such a list')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    dataset, scenes = Path(args.dataset), []
    if not dataset.is_dir():
        dataset = find_config(args.dataset)
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    from mmhsi.datasets.io.folders import files_of_scene, scene_files
    from mmhsi.datasets.verification import (
        check_file,
        check_scene,
        checksum,
        compare_checksums,
        files_of,
        laid_out,
        scenes_of,
    )

    if isinstance(dataset, Path):
        root = dataset
        files = scene_files(dataset, recursive=True, pictures=True)
    else:
        cfg = Config.fromfile(dataset)
        init_default_scope(cfg.get('default_scope', 'mmhsi'))
        unique = {repr(scene): scene for scene in scenes_of(cfg._cfg_dict.to_dict())}
        scenes = list(unique.values())
        files = sorted({path for scene in scenes for path in files_of(scene)})
        root = Path(os.path.commonpath([path.parent for path in files])) if files else Path()
    problems = 0 if files else 1
    if not files:
        print(f'{dataset}: no file with the suffix of an image or of arrays')
    for path in files:
        stated = [image for scene in scenes for image in laid_out(scene) if Path(image['path']) == path]
        for text, sound in check_file(path, stated):
            print(f'{"ok   " if sound else "WRONG"} {path}: {text}' if str(path) not in text else f'WRONG {text}')
            problems += not sound
    for scene in scenes:
        text, sound = check_scene(scene)
        print(f'{"ok   " if sound else "WRONG"} {text}')
        problems += not sound
    readable = sorted({member for path in files if path.is_file() for member in files_of_scene(path)})
    if args.checksums:
        for text in compare_checksums(Path(args.checksums), root, readable):
            print(f'WRONG {text}')
            problems += 1
    if args.write_checksums:
        lines = [f'{checksum(path)}  {os.path.relpath(path, root)}\n' for path in readable]
        Path(args.write_checksums).write_text(''.join(lines), encoding='utf-8')
    print(f'{len(files)} files, {len(scenes)} scenes: {problems or "no"} problem{"" if problems == 1 else "s"}')
    sys.exit(bool(problems))
