"""tools/predict.py, the shard converter and verify_dataset on look-alikes of sensor products."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from config_runs import product_look_alikes
from inference_cases import config, save_checkpoint, segmentor, standardize_state
from rasterio.warp import transform as to_system
from tool_runs import predict, run_tool

from mmhsi.datasets import get_scene
from mmhsi.datasets.io import open_cube
from mmhsi.datasets.tile_shards.settings import ShardSettings
from mmhsi.datasets.tile_shards.sources import find_scenes, open_parts

ROOT = Path(__file__).parents[2]
TITLES = {
    'enmap_l1c': 'ENMAP01-____L1C-DT0000002039_20220724T102030Z_001_V010400_20230601T120000Z',
    'enmap_l2a': 'ENMAP01-____L2A-DT0000002039_20220724T102030Z_001_V010400_20230601T120000Z',
    'desis_l2a': 'DESIS-HSI-L2A-DT1203190212_025-20191203T021128-V0210',
    'hyperion_l1t': 'EO1H1930242013217110PZ',
    'ahsi_gf5': 'GF5B_AHSI_E110.5_N37.2_20220615_004094_L10000182401',
    'ahsi_zy1': 'ZY1E_AHSI_E110.50_N37.20_20200401_002884_L1A0000103284',
    'aviris_classic': 'f130503t01p00r08rdn_e_sc01_ort_img',
    'aviris_ng': 'ang20180814t224053_corr_v2r2_img',
    'aviris_3': 'AV320230729t171228_000_L2A_OE_main_27577724_RFL_ORT',
    'aviris_5': 'AV520250508t173511_000_L1B_RDN_3f4aef90_RDN',
    'prisma_l1': 'PRS_L1_STD_OFFL_20200524103704_20200524103708_0001',
    'prisma_l2d': 'PRS_L2D_STD_20200524103704_20200524103708_0001',
    'emit_l2a': 'EMIT_L2A_RFL_001_20230316T045133_2307503_005',
    'neon': 'NEON_D01_BART_DP1_20190825_145110_reflectance',
    'tanager_basic': '20250511_074311_00_4001_basic_radiance',
    'tanager_ortho': '20250511_074311_00_4001_ortho_sr_hdf5',
    'sentinel2_l1c': 'S2A_MSIL1C_20220724T101601_N0400_R065_T33UUU_20220724T150000',
    'sentinel2_l2a': 'S2A_MSIL2A_20220724T101601_N0400_R065_T33UUU_20220724T150000',
    'specim': 'leaf_0001',
    'hyspex': 'field_VNIR_1800_SN00840_FOVx2_20200615T101112_raw',
    'headwall': 'raw_0',
}


@pytest.fixture(scope='module')
def products(tmp_path_factory) -> dict[str, Path]:
    return product_look_alikes(tmp_path_factory.mktemp('products'), list(TITLES))


@pytest.mark.parametrize('name', TITLES)
def test_a_product_is_predicted_to_a_map_at_its_place(products, name, tmp_path):
    path = products[name]
    info = open_cube(path).info
    good = info.good_bands
    steps = (
        [dict(type='SelectBands', exclude=np.setdiff1d(np.arange(info.bands), good).tolist())]
        if len(good) < info.bands
        else []
    )
    state = {f'{len(steps)}{key[1:]}': value for key, value in standardize_state(len(good)).items()}
    if steps:
        state['0.SelectBands.indices'] = torch.from_numpy(good)
    scene = dict(num_bands=info.bands, preprocessing=[*steps, dict(type='Standardize')])
    weights = save_checkpoint(
        tmp_path / 'toy.pth',
        config(segmentor(len(good)), scene, tile_size=16, overlap=8),
        dict(scene_name='training', transforms=state),
    )
    options = ('--no-pictures', '--match-bands', 'off')
    assert predict(path, weights=weights, out=tmp_path / 'out', argv=options) == 0
    (record,) = (tmp_path / 'out').glob('*_prediction.json')
    assert record.name == f'{TITLES[name]}_prediction.json'
    assert json.loads(record.read_text())['georeferenced'] == info.placed
    with rasterio.open(next((tmp_path / 'out').glob('*_classes.tif'))) as result:
        assert result.shape == (info.height, info.width)
        if info.transform is not None:
            assert tuple(result.transform)[:6] == info.transform
            assert result.crs == rasterio.crs.CRS.from_wkt(info.crs)
        elif info.gcps:
            points, system = result.gcps
            assert system == rasterio.crs.CRS.from_wkt(info.gcps_crs)
            np.testing.assert_allclose([(p.row, p.col, p.x, p.y) for p in points], [p[:4] for p in info.gcps])
        elif info.rpcs:
            # the polynomials are linear: the middle of the image is at their offset
            transformer = rasterio.transform.RPCTransformer(result.rpcs)
            x, y = transformer.xy(float(info.rpcs['LINE_OFF']), float(info.rpcs['SAMP_OFF']), 800)
            np.testing.assert_allclose((x, y), (110.5, 37.2), atol=1e-4)


def test_control_points_lead_to_the_place_of_a_pixel(products):
    info = open_cube(products['prisma_l1']).info
    points = [rasterio.control.GroundControlPoint(*point) for point in info.gcps]
    x, y = rasterio.transform.GCPTransformer(points).xy(11, 7, offset='center')
    # the look-alike is a swath turned by 20 degrees about 11.5 degrees east, 42.7 north
    expected = 11.5 + 3e-4 * (np.cos(np.radians(20)) * 7.5 + np.sin(np.radians(20)) * 11.5)
    assert to_system(info.gcps_crs, 'EPSG:4326', [x], [y])[0][0] == pytest.approx(expected, abs=1e-5)


def test_a_folder_of_products_is_a_list_of_scenes(products):
    from mmhsi.inference.inputs import list_inputs

    root = products['aviris_3'].parents[1]
    found = {scene.name for scene in list_inputs([root / name for name in TITLES if name != 'specim'])}
    assert found == {title for name, title in TITLES.items() if name != 'specim'}
    assert [scene.name for scene in list_inputs(root / 'emit_l2a')] == [TITLES['emit_l2a']]  # without its mask
    first, second = root / 'enmap_l1c', root / 'enmap_l2a'
    (pair,) = list_inputs((first, second), pairs=True)
    assert [Path(source['path']).name for source in pair.image] == [
        f'{TITLES[name]}-METADATA.XML' for name in ('enmap_l1c', 'enmap_l2a')
    ]


def test_a_scene_is_made_of_a_product(products):
    scene = get_scene(
        dict(
            type='Scene',
            image=str(products['enmap_l2a']),
            preprocessing=[dict(type='SelectBands', exclude=[(51, 223)])],
        )
    )
    assert scene.shape == (24, 18, 51)


def test_products_enter_shards(products):
    root = products['aviris_3'].parents[1]
    scenes = {Path(scene.name).name: scene for scene in find_scenes(root, ShardSettings())}
    assert set(scenes) == set(TITLES.values())
    settings = ShardSettings(tile_size=8)
    (part,), failed = open_parts(scenes[TITLES['prisma_l2d']], root, settings)
    assert not failed and part.bands == 230 and part.wavelengths[0] < 410
    block = part.read(0, 24)
    assert not block[:, :2].any() and block[:, 2:].any(-1).all()  # masked pixels are 0
    (part,), failed = open_parts(scenes[TITLES['hyperion_l1t']], root, settings)
    assert part.bad_bands.sum() == 44


def test_verify_dataset_lists_each_product_once(products, capsys):
    with pytest.raises(SystemExit) as stop:
        run_tool('misc/verify_dataset.py', str(products['aviris_3'].parents[1]))
    lines = capsys.readouterr().out.splitlines()
    assert stop.value.code == 0 and lines[-1] == f'{len(TITLES)} files, 0 scenes: no problems'
    assert any('MTD_MSIL2A.xml: 60 x 60 pixels, 12 bands' in line for line in lines)


def test_look_alikes_are_written_on_request(tmp_path, capsys):
    run_tool('misc/make_toy_data.py', str(tmp_path), '--products', 'neon', 'headwall')
    assert capsys.readouterr().out.count('wrote') == 2
    assert open_cube(next((tmp_path / 'products/neon').glob('*.h5'))).info.format == 'neon'
    assert (tmp_path / 'products/headwall/LOOK-ALIKE.txt').is_file()
