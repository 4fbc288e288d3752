"""What is found out about models and runs: complexity, timing, sampling points, training logs, reports."""
