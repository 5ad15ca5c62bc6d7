"""One long fit: t-SNE of the handwritten digits that scikit-learn ships.

python embed.py ITERATIONS FILE
"""

import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE


def main(iterations, path):
    digits = load_digits()
    model = TSNE(
        n_components=2,
        init="random",
        random_state=3,
        max_iter=iterations,
        method="exact",
        learning_rate=200.0,
        n_iter_without_progress=iterations,
        min_grad_norm=0.0,
    )
    places = model.fit_transform(digits.data[:500])
    np.savetxt(path, places)
    print("divergence", repr(float(model.kl_divergence_)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
