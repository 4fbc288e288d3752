"""Classify Indian Pines with the recommended settings, and compare with support vector machines and a random forest.

The scene comes with the tensorly package. Ten labelled pixels per class train, five choose the settings, the best state
and the weights of the parts, the rest test. Maps, pictures and metrics are written to the work dir.
"""

import runpy

from demo_run import ROOT, demo_folder, load_config, make_parser, print_scores, train_and_test

CONFIG = ROOT / 'configs/classification/recommended_cls_indian-pines.py'


def prepare_data(folder: str) -> None:
    """Write the files of the scene unless they exist."""
    runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert'](folder)


def main(argv: list[str] | None = None) -> dict:
    """Run the demo and return the scores of all methods."""
    cfg = load_config(make_parser(__doc__, CONFIG).parse_args(argv))
    folder = demo_folder(cfg, 'Indian_pines_corrected.mat')
    if folder is not None:
        prepare_data(folder)
    return print_scores(train_and_test(cfg), ('OA', 'AA', 'kappa'))


if __name__ == '__main__':
    main()
