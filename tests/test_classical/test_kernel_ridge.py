import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge

from mmhsi.classical.kernel_ridge import leave_one_out, squared_distances


@pytest.fixture
def pixels():
    rng = np.random.default_rng(0)
    labels = np.repeat([2, 5, 7], 6)
    return rng.normal(size=(18, 4)) + np.eye(8)[labels][:, :4] * 3 + labels[:, None], labels


def test_the_loss_is_that_of_models_without_the_pixel(pixels):
    features, labels = pixels
    found = leave_one_out(squared_distances(features, features), labels)
    target = np.eye(3)[np.searchsorted([2, 5, 7], labels)]
    target = target - target.mean(axis=0)
    losses = []
    for i in range(18):
        rest = np.arange(18) != i
        model = KernelRidge(alpha=found.ridge, kernel='rbf', gamma=found.gamma).fit(features[rest], target[rest])
        losses.append(-log_softmax(found.sharpness * model.predict(features[i : i + 1])[0])[np.argmax(target[i])])
    assert found.loss == pytest.approx(np.mean(losses), rel=1e-6)


def test_features_that_tell_the_classes_are_preferred(pixels):
    features, labels = pixels
    noise = np.random.default_rng(1).normal(size=features.shape)
    losses = [leave_one_out(squared_distances(values, values), labels).loss for values in (features, noise)]
    assert losses[0] < 0.3 < losses[1] < np.log(3) + 0.1


def test_distances():
    first, second = np.random.default_rng(0).normal(size=(2, 5, 3))
    np.testing.assert_allclose(np.exp(-0.5 * squared_distances(first, second)), RBF()(first, second))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match='at least two classes are needed, found 1'):
        leave_one_out(np.ones((3, 3)), np.zeros(3))
    with pytest.raises(ValueError, match='are equal'):
        leave_one_out(np.zeros((3, 3)), np.arange(3))
