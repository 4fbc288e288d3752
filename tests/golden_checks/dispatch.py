"""Which check a golden case is for: by the official class or function that its description names."""

import re
from collections.abc import Callable

from golden_checks import (
    data,
    data_low_level,
    detection_data,
    encoders,
    layers,
    loading,
    losses,
    losses_low_level,
    mae,
    metrics,
    metrics_low_level,
    networks_change,
    networks_classification,
    networks_detection,
    networks_restoration,
    networks_unmixing,
    optimizers,
    schedules,
)
from golden_checks.case import GoldenCase
from mmhsi.weights.convert import normalise_kind

Check = Callable[[GoldenCase], None]

# By kind of the official class, which its copies in other folders share.
CLASSES: dict[str, Check] = {
    'layer': layers.check_layer,
    'patch-embedding': layers.check_patch_embedding,
    'channel-norm': layers.check_channel_norm,
    'ImageClassification/model/SpatViT_fusion.py:SpatViT': encoders.check_spatial,
    'ChangeDetection/models/SpatVit.py:SpatViT': encoders.check_spatial,
    'HyperspectralDetection/Anomaly_Detection/models/SpatViT.py:SpatialVisionTransformer': encoders.check_spatial,
    'MultispectralCD/deep_networks/SpatViT.py:ALter_SpatViT': encoders.check_spatial,
    'ImageDenoising/models/hypersigma/Spatial.py:SpatialVisionTransformer': encoders.check_spatial,
    'ImageSuperResolution/models/HyperSIGMA/Spatial.py:SpatialVisionTransformer': encoders.check_spatial,
    'ImageClassification/model/SpecViT_fusion.py:SpectralVisionTransformer': encoders.check_spectral,
    'ImageSuperResolution/models/HyperSIGMA/Spatial_route.py:Adpater': layers.check_refinement,
    'ImageDenoising/models/hypersigma/Spectral_route.py:Adapter_Spectral': layers.check_refinement,
    'ImageClassification/model/SpatViT_cls.py:SpatViT': networks_classification.check_spatial,
    'ImageClassification/model/SpatViT_seg.py:SpatViT': networks_classification.check_spatial,
    'ImageClassification/model/ss_fusion_cls.py:SSFusionFramework': networks_classification.check_fusion,
    'ImageClassification/model/ss_fusion_seg.py:SSFusionFramework': networks_classification.check_fusion,
    'HyperspectralDetection/Anomaly_Detection/models/models.py:SpatialHADFramework': networks_detection.check_anomaly,
    'HyperspectralDetection/Anomaly_Detection/models/models.py:SSHADFramework': networks_detection.check_anomaly,
    'HyperspectralDetection/Target_Detection/models/models.py:SpatialHTDFramework': networks_detection.check_target,
    'HyperspectralDetection/Target_Detection/models/models.py:SSHTDFramework': networks_detection.check_target,
    'ChangeDetection/models/model.py:SpatSIGMA_CD': networks_change.check_window_change,
    'ChangeDetection/models/model.py:HyperSIGMA_CD': networks_change.check_window_change,
    'MultispectralCD/deep_networks/FM_detector.py:MSCDNet': networks_change.check_multispectral_change,
    'HyperspectralUnmixing/models/model.py:SpatSIGMA_Unmix': networks_unmixing.check_unmixing,
    'HyperspectralUnmixing/models/model.py:HyperSIGMA_Unmix': networks_unmixing.check_unmixing,
    'ImageDenoising/models/spatsigma.py:SpatViT': networks_restoration.check_denoising,
    'ImageDenoising/models/hypersigma/model.py:SSFusionFramework': networks_restoration.check_denoising,
    'ImageSuperResolution/models/SpatSIGMA.py:SpatViT': networks_restoration.check_super_resolution,
    'ImageSuperResolution/models/HyperSIGMA/model.py:SSFusionFramework': networks_restoration.check_super_resolution,
    'Pretrain/models_mae_Spat.py:SpatMAE': mae.check_mae,
    'Pretrain/models_mae_Spec.py:SpecMAE': mae.check_mae,
}

# Functions and scripts; * is the folder of either detection task, or the spelling of a library's copy.
FUNCTIONS: dict[str, Check] = {
    'HyperspectralUnmixing/func.py:loss': losses_low_level.check_unmixing_losses,
    'ImageDenoising/hsi_setup.py:loss': losses_low_level.check_denoising_losses,
    'ImageSuperResolution/loss.py:loss': losses_low_level.check_super_resolution_losses,
    'trainval.pyofbothdetectiontasks,train_foundation_model.py,lovazs_loss.py,segnotebooks': losses.check_losses,
    'MultispectralCD/script/train_foundation_model.py:crop_image,combine_patches;dataset/imutils.py:normalize_img': data.check_sliding,  # noqa: E501
    '*/*/layer_decay_optimizer_constructor_vit.py:LayerDecayOptimizerConstructor_ViT': optimizers.check_layer_decay,
    'ImageClassification/model/utils.py:Get_train_and_test_data_inference': data.check_pad_tiles,
    'ImageClassification/model/split_data.py:apply_PCA': data.check_pca_whiten,
    'ImageClassification/model/split_data.py:create_patches,split_data': data.check_windows_split,
    'ImageClassification/demoseghypersigma.ipynb(get_patch,testcell);sameschemeinHyperspectralDetection/*/trainval.py': data.check_tile_stitch,  # noqa: E501
    'ChangeDetection/func.py:get_Traindata,get_Testdata': detection_data.check_change_windows,
    'HyperspectralDetection/*/trainval.py': detection_data.check_pseudo_label,
    'HyperspectralDetection/*/func.py:ts_generation': detection_data.check_target_spectrum,
    'ImageClassification/democls*.ipynblastcell+model/utils.py:aa_and_each_accuracy': metrics.check_classification_patch,  # noqa: E501
    'ImageClassification/model/utils.py:evaluate_performance_all': metrics.check_classification_seg,
    'HyperspectralDetection/*/func.py:comput_AUC_scores,trainval.py:standard': metrics.check_detection_auc,
    'ChangeDetection/func.py:two_cls_access,two_cls_access_for_Bay_Barbara': metrics.check_change_hcd,
    'MultispectralCD/util_func/metrics.py:Evaluator': metrics.check_change_oscd,
    'HyperspectralUnmixing/func.py:metric': metrics_low_level.check_unmixing_scores,
    'ImageDenoising/hsi_setup.py(Engine.validate):metric': metrics_low_level.check_denoising_scores,
    'ImageSuperResolution/metrics.py:metric': metrics_low_level.check_super_resolution_scores,
    'ImageDenoising/utility/dataset.py:noise': data_low_level.check_noise,
    'HyperspectralUnmixing/func.py:data': data_low_level.check_unmixing_data,
    'HyperspectralUnmixing/trainval.py:schedule': schedules.check_unmixing_schedule,
    'ImageDenoising/utility/util.py:data': data_low_level.check_denoising_data,
    'ImageSuperResolution/utils.py:data': data_low_level.check_super_resolution_data,
}


def find_check(reference: str) -> Check | None:
    """The check for an official class (with or without arguments or a method) or function, None for an unknown one."""
    name = re.sub(r'(?<=HyperspectralDetection/)(Anomaly|Target)_Detection', '*', reference)
    name = re.sub(r'^.*/mmcv__?custom/', '*/*/', name)
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    try:
        kind = normalise_kind(reference)
    except ValueError:
        return None
    return loading.check_loading if reference.endswith('.init_weights') else CLASSES[kind]


def assert_agrees(case: GoldenCase) -> None:
    """Check a case; one that names nothing known fails."""
    checks = [found for reference in case.references if (found := find_check(reference)) is not None]
    assert checks, f'{case.path}: no check for {" or ".join(map(repr, case.references))}'
    checks[0](case)
