"""Find anomalies with the recommended settings, a network combined with classical detectors, and compare.

By default the scene is Indian Pines, which comes with the tensorly package, with 24 small squares of another material
implanted at known positions. --scene takes your own scene instead. Labels have no influence on the training; a ground
truth is used for the scores only. Maps, pictures and metrics are written to the work dir.
"""

import runpy
from pathlib import Path

from demo_run import ROOT, demo_folder, load_config, make_parser, print_scores, train_and_test
from mmengine.config import Config

CONFIG = ROOT / 'configs/anomaly_detection/recommended_indian-pines-implanted_anomaly.py'
TOOLS = ROOT / 'tools/dataset_converters'
# 10 to 80 % of a pixel are replaced by the mean of the stone and steel towers, plus the noise that averaging removed
IMPLANT = [
    '--target-class',
    '16',
    '--count',
    '24',
    '--sides',
    '1',
    '2',
    '3',
    '--fractions',
    '0.1',
    '0.2',
    '0.4',
    '0.8',
    '--snr',
    '40',
]


def prepare_data(folder: Path) -> None:
    """Write the scene with the implanted targets unless it exists."""
    if (folder / 'scene.mat').is_file():
        return
    source = folder.parent / 'indian_pines'
    runpy.run_path(str(TOOLS / 'indian_pines.py'))['convert'](source)
    arguments = [
        str(source / 'Indian_pines_corrected.mat'),
        '--labels',
        str(source / 'Indian_pines_gt.mat'),
        *IMPLANT,
        '--out',
        str(folder / 'scene.mat'),
    ]
    runpy.run_path(str(TOOLS / 'implant_targets.py'))['main'](arguments)


def use_scene(cfg: Config, path: str, key: str | None, labels: str | None, labels_key: str | None) -> None:
    """Replace the scene of the config with your own; its labels are 0 background and 1 anomaly."""
    settings = dict(
        name=Path(path).stem,
        data_root=None,
        image=dict(path=path, key=key),
        labels=dict(path=labels or path, key=labels_key),
        label_codes=dict(background=0, anomaly=1),
    )
    for name, value in settings.items():
        cfg.scene[name] = value


def main(argv: list[str] | None = None) -> dict:
    """Run the demo and return the scores of all methods."""
    parser = make_parser(__doc__, CONFIG)
    parser.add_argument('--scene', help='cube of any format that mmhsi reads, instead of Indian Pines')
    parser.add_argument('--key', help='name of the cube in a file that holds several arrays')
    parser.add_argument('--labels', help='ground truth, 0 background and 1 anomaly (default: the file of the scene)')
    parser.add_argument('--labels-key', help='name of the ground truth in its file')
    args = parser.parse_args(argv)
    cfg = load_config(args)
    if args.scene is not None:
        use_scene(cfg, args.scene, args.key, args.labels, args.labels_key)
    elif (folder := demo_folder(cfg, 'scene.mat')) is not None:
        prepare_data(Path(folder))
    return print_scores(train_and_test(cfg), ('AUC', 'AUC_Pf_tau', 'AUC_Pd_tau'))


if __name__ == '__main__':
    main()
