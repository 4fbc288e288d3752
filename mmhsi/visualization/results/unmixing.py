"""Files of a scene that was unmixed."""

import csv
from pathlib import Path

import numpy as np

from mmhsi.datasets.io import write_raster
from mmhsi.evaluation import UnmixingResult
from mmhsi.visualization.abundance_map import abundance_figure
from mmhsi.visualization.endmember_plot import endmember_figure
from mmhsi.visualization.figure import save_figure
from mmhsi.visualization.heat_map import heat_map_figure
from mmhsi.visualization.results.scene_files import result_folder, scene_info, write_false_colour
from mmhsi.visualization.results.writer import write_scene_result


@write_scene_result.register
def write_unmixing(result: UnmixingResult, folder: str | Path, scene=None) -> None:
    """Write the maps, spectra and pictures of unmixing.

    ``<scene>_false_colour.png``, ``_abundances.png`` (estimate, truth and difference with colour bars),
    ``_endmembers.png`` (spectra, over wavelengths if the scene has them), ``_reconstruction.png`` (angle of each pixel
    and its mixture, radians), ``_abundances.npy`` (float64 (P, H, W), NaN where there is none), ``_abundances.tif``
    (float32, a named band for each endmember, NaN no data, with the georeference of the scene) and ``_endmembers.csv``
    (a row for each band, a column for each endmember, estimated and true).

    Args:
        result (UnmixingResult): The evaluated scene.
        folder (str or Path): Folder to write into; it is made if it is not there.
        scene (UnmixingScene, optional): See :func:`write_scene_result`.
    """
    folder, name = result_folder(folder, result.name)
    write_false_colour(folder, name, scene)
    wavelengths = None if scene is None else scene.wavelengths
    scores = {key: value for key, value in result.scores.items() if np.ndim(value) == 0}
    line = '   '.join(f'{label} {scores[key]:.4f}' for key, label in (
        ('mSAD', 'mSAD'), ('aRMSE', 'aRMSE'), ('aMSE', 'aMSE'), ('reconstruction_angle', 'reconstruction angle'))
        if np.isfinite(scores.get(key, np.nan)))

    def notes(key: str) -> list[str]:
        return [f'{key} {value:.4f}' for value in result.scores[key]] if key in result.scores else []

    save_figure(
        abundance_figure(result.abundances, result.true_abundances, result.names, f'{name}: abundances', line,
                         notes('RMSE')), folder / f'{name}_abundances.png')
    save_figure(
        endmember_figure(result.endmembers, result.true_endmembers, result.names, wavelengths, f'{name}: endmembers',
                         line, notes('SAD')), folder / f'{name}_endmembers.png')
    save_figure(
        heat_map_figure(result.angles, f'{name}: angle of pixel and mixture (radians)', line, 'anomaly'),
        folder / f'{name}_reconstruction.png')
    np.save(folder / f'{name}_abundances.npy', result.abundances)
    write_raster(folder / f'{name}_abundances.tif', np.moveaxis(result.abundances, 0, -1).astype(np.float32),
                 like=scene_info(scene), nodata=np.nan, band_names=list(result.names))
    write_endmembers(folder / f'{name}_endmembers.csv', result, wavelengths)


def write_endmembers(path: Path, result: UnmixingResult, wavelengths: np.ndarray | None = None) -> None:
    """Write endmembers as a table: band (from 1), wavelength (nm) if known, estimated and, if known, true spectra."""
    heads, columns = ['band', *result.names], [np.arange(1, result.endmembers.shape[1] + 1), *result.endmembers]
    if wavelengths is not None:
        heads.insert(1, 'wavelength_nm')
        columns.insert(1, np.asarray(wavelengths))
    if result.true_endmembers is not None:
        heads += [f'{label} (true)' for label in result.names]
        columns += list(result.true_endmembers)
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(zip(*(values.tolist() for values in columns), strict=True))
