"""Analysis of models and runs: complexity, timing, sampling points, training logs, reports."""
