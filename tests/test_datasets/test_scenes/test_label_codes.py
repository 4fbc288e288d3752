"""Label files whose numbers are not the classes."""

import numpy as np
import pytest
import rasterio
from scipy.io import savemat

from mmhsi.datasets import Scene
from mmhsi.datasets.scenes.label_maps import resolve_codes

STORED = np.array([[0, 1, 2, 2], [1, 1, 0, 2], [2, 0, 1, 1]], np.uint8)
CUBE = np.arange(3 * 4 * 2, dtype=np.uint16).reshape(3, 4, 2)
CHANGE = ('unchanged', 'changed')


@pytest.mark.parametrize(
    'codes, wanted',
    [
        (dict(unchanged=2, changed=1), [[255, 1, 0, 0], [1, 1, 255, 0], [0, 255, 1, 1]]),
        (dict(unchanged=1, changed=(0, 2)), [[1, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0]]),
        (dict(unchanged=[1, 2], changed=0), [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]),
    ],
)
def test_codes_become_classes_in_their_order(codes, wanted):
    scene = Scene(CUBE, STORED, CHANGE, label_codes=codes)
    np.testing.assert_array_equal(scene.labels, wanted)
    assert scene.classes == CHANGE


def test_pixels_without_a_label_in_a_raster_are_not_those_of_code_0(tmp_path):
    path = tmp_path / 'map.tif'
    with rasterio.open(path, 'w', driver='GTiff', height=3, width=4, count=1, dtype='uint8', nodata=2) as dataset:
        dataset.write(STORED, 1)
    scene = Scene(CUBE, str(path), CHANGE, label_codes=dict(unchanged=0, changed=1))
    np.testing.assert_array_equal(scene.labels, [[0, 1, 255, 255], [1, 1, 0, 255], [255, 0, 1, 1]])


def test_two_masks_with_codes_of_their_own_make_one_map(tmp_path):
    savemat(tmp_path / 'changed.mat', {'mask': (STORED == 1).astype(np.uint8) * 255})
    savemat(tmp_path / 'unchanged.mat', {'mask': (STORED == 2).astype(np.uint8) * 255})
    labels = [dict(path='changed.mat', codes=dict(changed=255)), dict(path='unchanged.mat', codes=dict(unchanged=255))]
    scene = Scene(CUBE, labels, CHANGE, data_root=str(tmp_path))
    np.testing.assert_array_equal(scene.labels, np.select([STORED == 1, STORED == 2], [1, 0], 255))


def test_an_unknown_code_is_named():
    scene = Scene(CUBE, STORED, CHANGE, label_codes=dict(unchanged=0, changed=1))
    with pytest.raises(ValueError, match=r'the label array: 4 pixels have the label 2, but the codes .* are 0, 1'):
        _ = scene.labels


@pytest.mark.parametrize(
    'codes, message',
    [
        (dict(grown=1), "name the class 'grown', but the classes are unchanged, changed"),
        (dict(unchanged=1, changed=[0, 1]), "code 1 of class 'changed' is the code of another class too"),
        (dict(unchanged=-1), "code -1 of class 'unchanged' is negative"),
    ],
)
def test_contradicting_codes_are_refused(codes, message):
    with pytest.raises(ValueError, match=message):
        resolve_codes(codes, CHANGE)


def test_codes_alone_need_class_names():
    with pytest.raises(ValueError, match='give classes too'):
        resolve_codes(dict(changed=1), None)


def test_codes_name_the_classes_where_nothing_else_does():
    scene = Scene(CUBE, STORED, label_codes=dict(grown=2, felled=1))
    assert scene.classes == ('grown', 'felled')
    np.testing.assert_array_equal(scene.labels, [[255, 1, 0, 0], [1, 1, 255, 0], [0, 255, 1, 1]])


@pytest.mark.parametrize('code', (99, 255, 128))
def test_a_number_far_from_the_classes_is_asked_for(code):
    labels = np.array([[1, 2, 3, code]] * 2)
    with pytest.raises(ValueError, match=f'ignore={code}'):
        Scene(np.ones((2, 4, 3), np.float32), labels).labels  # noqa: B018
    assert len(Scene(np.ones((2, 4, 3), np.float32), np.array([[1, 2, 3, 20]] * 2)).classes) == 20


HEADER = (
    'ENVI\nsamples = 3\nlines = 2\nbands = 1\nfile type = ENVI Classification\ndata type = 1\ninterleave = bsq\n'
    'byte order = 0\nclasses = 4\nclass names = {{\n {}, bare soil, crop,\n water}}\n'
)
CATEGORIES = '<CategoryNames><Category>none</Category>{}</CategoryNames>'.format(
    ''.join(f'<Category>{name}</Category>' for name in ('bare soil', 'crop', 'water'))
)
TABLE = (
    '<GDALRasterAttributeTable tableType="thematic"><FieldDefn index="0"><Name>V</Name><Type>0</Type><Usage>5</Usage>'
    '</FieldDefn><FieldDefn index="1"><Name>N</Name><Type>2</Type><Usage>2</Usage></FieldDefn>{}'
    '</GDALRasterAttributeTable>'
).format(
    ''.join(f'<Row index="0"><F>{value}</F><F>{name}</F></Row>' for value, name in ((1, 'bare soil'), (2, 'crop')))
)


def test_names_that_the_file_of_the_labels_states(tmp_path, log):
    labels, cube = np.array([[0, 1, 2], [2, 1, 0]], np.uint8), np.zeros((2, 3, 4), np.float32)
    (tmp_path / 'a.img').write_bytes(labels.tobytes())
    for first, told in (('Unclassified', False), ('roof', True)):
        (tmp_path / 'a.hdr').write_text(HEADER.format(first))
        for path in ('a.img', 'a.hdr'):
            scene = Scene(cube, str(tmp_path / path))
            assert scene.classes == ('bare soil', 'crop') and scene.labels[1].tolist() == [1, 0, 255]
        assert ("0 is named 'roof', but counts as unlabelled" in log.text) == told
    assert Scene(cube, str(tmp_path / 'a.img'), classes=('x', 'y')).classes == ('x', 'y')
    with rasterio.open(tmp_path / 'b.tif', 'w', driver='GTiff', height=2, width=3, count=1, dtype='uint8') as file:
        file.write(labels, 1)
    for content, names in ((CATEGORIES, ('bare soil', 'crop')), (TABLE, ('bare soil', 'crop')), ('', None)):
        (tmp_path / 'b.tif.aux.xml').write_text(
            f'<PAMDataset><PAMRasterBand band="1">{content}</PAMRasterBand></PAMDataset>'
        )
        assert Scene(cube, str(tmp_path / 'b.tif')).classes == (names or ('class 1', 'class 2'))
