"""Companion files of a raster for geographic information systems, and the cloud-optimised layout."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform_bounds

from mmhsi.datasets.io import CubeInfo, write_raster
from mmhsi.datasets.io.gis import write_companions

UTM = rasterio.crs.CRS.from_epsg(32633).to_wkt()
COLOURS = {0: (0, 0, 0), 1: (10, 200, 255), 2: (1, 2, 3)}
NAMES = {0: 'no data', 1: 'water & "ice"', 2: 'grass'}


@pytest.fixture
def info():
    place = dict(crs=UTM, transform=(10.0, 0.0, 370000.0, 0.0, -10.0, 5810000.0))
    return CubeInfo('cube.tif', 'raster', 300, 520, 4, np.dtype('uint8'), acquired='2022-07-24T12:45:26+02:00', **place)


def test_a_map_brings_its_style_and_its_item(tmp_path, info):
    labels = np.random.default_rng(0).integers(0, 3, (300, 520)).astype(np.uint8)
    path = tmp_path / 'map.tif'
    write_raster(path, labels, info, 0, COLOURS, class_names=NAMES)
    written = write_companions(path, info.acquired, {'mmhsi:task': 'classification'})
    assert [file.name for file in written] == ['map.qml', 'map.json']
    entries = ElementTree.parse(tmp_path / 'map.qml').getroot().findall('.//paletteEntry')
    assert [(entry.get('value'), entry.get('color'), entry.get('label')) for entry in entries] == [
        ('0', '#000000', 'no data'),
        ('1', '#0ac8ff', 'water & "ice"'),
        ('2', '#010203', 'grass'),
    ]
    item = json.loads((tmp_path / 'map.json').read_text())
    with rasterio.open(path) as raster:
        assert np.allclose(item['bbox'], transform_bounds(raster.crs, 'EPSG:4326', *raster.bounds), atol=1e-5)
    ring = np.array(item['geometry']['coordinates'][0])
    assert np.array_equal(ring[0], ring[-1])
    assert (ring[:-1, 0] * ring[1:, 1] - ring[1:, 0] * ring[:-1, 1]).sum() > 0  # counter-clockwise
    found = item['properties']
    assert found['datetime'] == '2022-07-24T10:45:26Z' and found['mmhsi:task'] == 'classification'
    assert (found['proj:epsg'], found['proj:shape']) == (32633, [300, 520])
    assert found['mmhsi:classes']['1'] == 'water & "ice"'
    (tmp_path / item['assets']['data']['href']).stat()


def test_no_item_is_made_up(tmp_path, info):
    write_raster(tmp_path / 'a.tif', np.zeros((300, 520)), replace(info, crs=None, transform=None))
    assert write_companions(tmp_path / 'a.tif', None, {}) == []
    assert not (tmp_path / 'a.json').exists()
    write_raster(tmp_path / 'b.tif', np.zeros((300, 520)), info)
    write_companions(tmp_path / 'b.tif', None, {})
    properties = json.loads((tmp_path / 'b.json').read_text())['properties']
    assert properties['mmhsi:acquired'] is None and properties['datetime']


@pytest.mark.parametrize('limits', [None, (0.0, 1.0)])
def test_a_map_of_scores_has_a_ramp_of_colours(tmp_path, info, limits):
    scores = np.random.default_rng(0).normal(size=(300, 520)).astype(np.float32)
    known = scores.copy()
    scores[:40] = np.nan
    path = tmp_path / 'scores.tif'
    write_raster(path, scores, info, np.nan, band_names=['score of anomaly'], driver='COG')
    write_companions(path, info.acquired, {}, [(0, 0, 0), (255, 128, 0), (255, 255, 255)], limits)
    renderer = ElementTree.parse(tmp_path / 'scores.qml').getroot().find('.//rasterrenderer')
    items = renderer.findall('.//item')
    low, high = limits or np.percentile(known[40:], (2, 99.9))
    assert renderer.get('type') == 'singlebandpseudocolor'
    assert [item.get('color') for item in items] == ['#000000', '#ff8000', '#ffffff']
    assert np.allclose([float(item.get('value')) for item in items], [low, (low + high) / 2, high], rtol=1e-5)
    item = json.loads((tmp_path / 'scores.json').read_text())
    assert item['assets']['data']['type'] == 'image/tiff; application=geotiff; profile=cloud-optimized'


@pytest.mark.parametrize('dtype', ['uint8', 'float32'])
def test_a_cloud_optimised_raster_holds_the_same(tmp_path, info, dtype):
    array = np.random.default_rng(0).integers(0, 3, (300, 520)).astype(dtype)
    facts = dict(colormap=COLOURS, class_names=NAMES) if dtype == 'uint8' else {}
    write_raster(tmp_path / 'cog.tif', array, info, driver='COG', **facts)
    write_raster(tmp_path / 'plain.tif', array, info, **facts)
    with rasterio.open(tmp_path / 'cog.tif') as cog, rasterio.open(tmp_path / 'plain.tif') as plain:
        assert cog.tags(ns='IMAGE_STRUCTURE')['LAYOUT'] == 'COG' and cog.overviews(1)
        assert np.array_equal(cog.read(), plain.read()) and (cog.crs, cog.transform) == (plain.crs, plain.transform)
        assert cog.tags(1) == plain.tags(1)
        if dtype == 'uint8':
            assert cog.colormap(1) == plain.colormap(1)
            assert set(np.unique(cog.read(1, out_shape=(150, 260)))) <= {0, 1, 2}
