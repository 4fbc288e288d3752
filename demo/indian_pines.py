"""Train a tiny HyperSIGMA on Indian Pines, classify the scene, and compare with a support vector machine.

The scene comes with the tensorly package. Ten labelled pixels per class train the network, five choose its best state,
the rest test it. Maps, pictures and metrics are written below the work dir.
"""

import runpy
from pathlib import Path

from demo_run import ROOT, load_config, make_parser, print_scores, run_classical, train_and_test

CONFIG = ROOT / 'configs/classification/hypersigma-tiny_cls_indian-pines.py'


def prepare_data(folder: str) -> None:
    """Write the files of the scene unless they are there."""
    runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert'](folder)


def main(argv: list[str] | None = None) -> dict:
    """Run the demo and return the scores of both methods."""
    args = make_parser(__doc__, CONFIG).parse_args(argv)
    cfg = load_config(args)
    prepare_data(cfg.scene.data_root)
    runner, network = train_and_test(cfg)
    results = Path(runner.log_dir) / 'results'
    # single spectra, on the stored bands and the split of the network
    svm = run_classical(cfg, results, {'svm': ('svm', {})}, preprocessing=())['svm']
    return print_scores({Path(args.config).stem: network, 'RBF-SVM on spectra': svm}, ('OA', 'AA', 'kappa'), results)


if __name__ == '__main__':
    main()
