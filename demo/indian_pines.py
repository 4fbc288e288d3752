"""Train a tiny HyperSIGMA on Indian Pines, classify the scene, and compare with support vector machines.

The scene comes with the tensorly package. Ten labelled pixels per class train the network, five choose its best state,
the rest test it. Maps, pictures and metrics are written below the work dir.
"""

import runpy
from pathlib import Path

from demo_run import ROOT, load_config, make_parser, print_scores, run_classical, train_and_test

CONFIG = ROOT / 'configs/classification/hypersigma-tiny-wide_cls_indian-pines_smoothed.py'


def prepare_data(folder: str) -> None:
    """Write the files of the scene unless they are there."""
    runpy.run_path(str(ROOT / 'tools/dataset_converters/indian_pines.py'))['convert'](folder)


def main(argv: list[str] | None = None) -> dict:
    """Run the demo and return the scores of all methods."""
    args = make_parser(__doc__, CONFIG).parse_args(argv)
    cfg = load_config(args)
    prepare_data(cfg.scene.data_root)
    runner, network = train_and_test(cfg)
    results = Path(runner.log_dir) / 'results'
    # on the split of the network: single spectra of the stored bands, and the components of the network, smoothed
    spectra = run_classical(cfg, results, {'SVM on spectra': ('svm', {})}, preprocessing=())
    smoothed = run_classical(
        cfg, results, {'SVM on smoothed components': ('svm', dict(smoothing=(1.0, 2.0, 3.0, 4.0)))}
    )
    outcomes = {Path(args.config).stem: network, **spectra, **smoothed}
    return print_scores(outcomes, ('OA', 'AA', 'kappa'), results)


if __name__ == '__main__':
    main()
