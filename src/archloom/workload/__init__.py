"""What is computed: einsums, layers, networks."""
