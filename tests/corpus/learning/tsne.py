"""TSNE on real digits in one long fit."""
import numpy as np
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE

digits = load_digits().data[:500]
flat = TSNE(n_components=2, random_state=0, perplexity=20, max_iter=400, init="pca").fit_transform(digits)
print(flat[:3], float(flat.sum()))
np.save("flat.npy", flat)
