"""Golden cases of the reference implementation; each one found is checked or fails."""

import pytest
from mmengine.registry import init_default_scope

from golden_checks import (
    data,
    data_low_level,
    detection_data,
    loading,
    losses,
    losses_low_level,
    mae,
    metrics,
    metrics_low_level,
    networks,
    networks_change,
    networks_detection,
    networks_restoration,
    networks_unmixing,
)
from golden_checks.case import GOLDEN_ROOT, find_cases

CHECKS = {
    'ImageClassification/model/SpatViT_fusion.py:Attention': networks.check_layer,
    'ImageClassification/model/SpatViT_fusion.py:SampleAttention': networks.check_layer,
    'ImageClassification/model/SpatViT_fusion.py:Block': networks.check_layer,
    'ImageClassification/model/SpatViT_fusion.py:SpatViT': networks.check_spatial_backbone,
    'ImageClassification/model/SpatViT_fusion_patch.py:SpatViT': networks.check_spatial_backbone,
    'ChangeDetection/models/SpatVit.py:SpatViT': networks.check_spatial_backbone,
    'HyperspectralUnmixing/models/SpatVit.py:SpatViT': networks.check_spatial_backbone,
    'HyperspectralDetection/Anomaly_Detection/models/SpatViT.py:SpatialVisionTransformer':
        networks.check_spatial_backbone,
    'HyperspectralDetection/Target_Detection/models/SpatViT.py:SpatialVisionTransformer':
        networks.check_spatial_backbone,
    'MultispectralCD/deep_networks/SpatViT.py:ALter_SpatViT': networks.check_spatial_backbone,
    'ImageClassification/model/SpecViT_fusion.py:SpectralVisionTransformer': networks.check_spectral_backbone,
    'ChangeDetection/models/SpecVit.py:SpecViT': networks.check_spectral_backbone,
    'HyperspectralUnmixing/models/SpecVit.py:SpecViT': networks.check_spectral_backbone,
    'ImageSuperResolution/models/HyperSIGMA/Spatial_route.py:Adpater': networks.check_adapter,
    'ImageDenoising/models/hypersigma/Spatial_route.py:Adpater': networks.check_adapter,
    'ImageDenoising/models/hypersigma/Spectral_route.py:Adapter_Spectral': networks.check_adapter,
    'ImageSuperResolution/models/HyperSIGMA/Spectral_route.py:Adapter_Spectral': networks.check_adapter,
    'ImageClassification/model/SpatViT_cls.py:SpatViT': networks.check_spatial_classifier,
    'ImageClassification/model/SpatViT_seg.py:SpatViT': networks.check_spatial_classifier,
    'ImageClassification/model/ss_fusion_cls.py:SSFusionFramework': networks.check_fusion_classifier,
    'ImageClassification/model/ss_fusion_cls.py:SSFusionFramework(model_size=base)': networks.check_fusion_classifier,
    'ImageClassification/model/ss_fusion_seg.py:SSFusionFramework': networks.check_fusion_classifier,
    'ImageClassification/model/ss_fusion_seg.py:SSFusionFramework(model_size=base)': networks.check_fusion_classifier,
    'HyperspectralDetection/Anomaly_Detection/models/models.py:SpatialHADFramework': networks_detection.check_anomaly,
    'HyperspectralDetection/Anomaly_Detection/models/models.py:SSHADFramework': networks_detection.check_anomaly,
    'HyperspectralDetection/Target_Detection/models/models.py:SpatialHTDFramework': networks_detection.check_target,
    'HyperspectralDetection/Target_Detection/models/models.py:SSHTDFramework': networks_detection.check_target,
    'ChangeDetection/models/model.py:HyperSIGMA_CD.forward_fusion': networks_change.check_fusion_change,
    'ChangeDetection/models/model.py:SpatSIGMA_CD': networks_change.check_window_change,
    'ChangeDetection/models/model.py:HyperSIGMA_CD': networks_change.check_window_change,
    'MultispectralCD/deep_networks/FM_detector.py:MSCDNet': networks_change.check_multispectral_change,
    'HyperspectralUnmixing/models/model.py:SpatSIGMA_Unmix': networks_unmixing.check_unmixing,
    'HyperspectralUnmixing/models/model.py:HyperSIGMA_Unmix': networks_unmixing.check_unmixing,
    'ImageDenoising/models/spatsigma.py:SpatViT': networks_restoration.check_denoising,
    'ImageDenoising/models/hypersigma/model.py:SSFusionFramework': networks_restoration.check_denoising,
    'ImageSuperResolution/models/SpatSIGMA.py:SpatViT': networks_restoration.check_super_resolution,
    'ImageSuperResolution/models/HyperSIGMA/model.py:SSFusionFramework': networks_restoration.check_super_resolution,
    'HyperspectralUnmixing/func.py:loss': losses_low_level.check_unmixing_losses,
    'ImageDenoising/hsi_setup.py:loss': losses_low_level.check_denoising_losses,
    'ImageSuperResolution/loss.py:loss': losses_low_level.check_super_resolution_losses,
    'trainval.pyofbothdetectiontasks,train_foundation_model.py,lovazs_loss.py,segnotebooks': losses.check_losses,
    'MultispectralCD/script/train_foundation_model.py:crop_image,combine_patches;dataset/imutils.py:normalize_img':
        data.check_sliding,
    'Pretrain/models_mae_Spat.py:SpatMAE': mae.check_mae,
    'Pretrain/models_mae_Spec.py:SpecMAE': mae.check_mae,
    'HyperspectralDetection/Anomaly_Detection/models/SpatViT.py:SpatialVisionTransformer.init_weights':
        loading.check_spatial_loading,
    'ImageClassification/model/SpecViT_fusion.py:SpectralVisionTransformer.init_weights':
        loading.check_spectral_loading,
    '*/mmcv_custom/layer_decay_optimizer_constructor_vit.py:LayerDecayOptimizerConstructor_ViT':
        networks.check_layer_decay,
    'ImageClassification/model/utils.py:Get_train_and_test_data_inference': data.check_pad_tiles,
    'ImageClassification/model/split_data.py:apply_PCA': data.check_pca_whiten,
    'ImageClassification/model/split_data.py:create_patches,split_data': data.check_windows_split,
    'ImageClassification/demoseghypersigma.ipynb(get_patch,testcell);sameschemeinHyperspectralDetection/*/trainval.py':
        data.check_tile_stitch,
    'ChangeDetection/func.py:get_Traindata,get_Testdata': detection_data.check_change_windows,
    'HyperspectralDetection/*/trainval.py': detection_data.check_pseudo_label,
    'HyperspectralDetection/Target_Detection/func.py:ts_generation': detection_data.check_target_spectrum,
    'ImageClassification/democls*.ipynblastcell+model/utils.py:aa_and_each_accuracy':
        metrics.check_classification_patch,
    'ImageClassification/model/utils.py:evaluate_performance_all': metrics.check_classification_seg,
    'HyperspectralDetection/*/func.py:comput_AUC_scores,trainval.py:standard': metrics.check_detection_auc,
    'ChangeDetection/func.py:two_cls_access,two_cls_access_for_Bay_Barbara': metrics.check_change_hcd,
    'MultispectralCD/util_func/metrics.py:Evaluator': metrics.check_change_oscd,
    'HyperspectralUnmixing/func.py:metric': metrics_low_level.check_unmixing_scores,
    'ImageDenoising/hsi_setup.py(Engine.validate):metric': metrics_low_level.check_denoising_scores,
    'ImageSuperResolution/metrics.py:metric': metrics_low_level.check_super_resolution_scores,
    'ImageDenoising/utility/dataset.py:noise': data_low_level.check_noise,
    'HyperspectralUnmixing/func.py:data': data_low_level.check_unmixing_data,
    'HyperspectralUnmixing/trainval.py:schedule': data_low_level.check_unmixing_schedule,
    'ImageDenoising/utility/util.py:data': data_low_level.check_denoising_data,
    'ImageSuperResolution/utils.py:data': data_low_level.check_super_resolution_data,
}

CASES = find_cases()


@pytest.fixture(autouse=True)
def scope():
    """The default scope of every run, whatever ran before."""
    init_default_scope('mmhsi')


@pytest.mark.skipif(not CASES, reason=f'no golden cases in {GOLDEN_ROOT}; set MMHSI_GOLDEN to their folder')
@pytest.mark.parametrize('case', CASES, ids=lambda case: str(case.path.relative_to(GOLDEN_ROOT)))
def test_golden(case):
    assert case.reference in CHECKS, f'{case.path}: no check for {case.reference!r}'
    CHECKS[case.reference](case)
