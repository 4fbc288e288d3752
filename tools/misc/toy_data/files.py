"""Write stand-ins reproducibly, byte by byte, and so that nobody mistakes them for the real data."""

from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

HEADER = b'MATLAB 5.0 MAT-file, made-up look-alike written by make_toy_data.py'
NOTE = 'LOOK-ALIKE.txt'
_NOTE_TEXT = """The files of this folder are made up by tools/misc/make_toy_data.py. They have the names, keys, types
and label codes of the dataset {name}, but hold a small made-up scene: no result on them says anything about
the dataset.
"""


def claim_folder(folder: Path, name: str) -> None:
    """Create the folder of a look-alike and mark it as such.

    Raises:
        FileExistsError: If the folder holds files that are not of a look-alike.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / NOTE).is_file():
        raise FileExistsError(
            f'{folder} holds files and no {NOTE}: a look-alike is not written over what may be the real dataset'
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NOTE).write_text(_NOTE_TEXT.format(name=name), encoding='utf-8')


def save_mat(path: Path, **arrays: np.ndarray) -> None:
    """Write a compressed MATLAB 5 file, with a description in the header instead of the date."""
    buffer = BytesIO()
    savemat(buffer, arrays, do_compression=True)
    content = bytearray(buffer.getvalue())
    content[:116] = HEADER.ljust(116)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def save_hdf5_mat(path: Path, **arrays: np.ndarray) -> None:
    """Write a MATLAB 7.3 file: HDF5 after a header, with the axes in MATLAB's order, the reverse of ours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, 'w', userblock_size=512) as file:
        for key, array in arrays.items():
            file.create_dataset(key, data=array.T, compression='gzip').attrs['MATLAB_class'] = np.bytes_(array.dtype)
    with path.open('r+b') as file:
        file.write(HEADER.ljust(116))


def stored(cube: np.ndarray, dtype: str) -> np.ndarray:
    """Reflectances 0 to 1 as a dataset stores them: reflectance x 10000 as an integer, reflectance as a float.

    Both have 100 or 200 steps, about as coarse as the noise, so that the files compress well.
    """
    if np.dtype(dtype).kind in 'iu':
        return (np.round(cube * 200) * 50).astype(dtype)
    return (np.round(cube * 128) / 128).astype(dtype)
