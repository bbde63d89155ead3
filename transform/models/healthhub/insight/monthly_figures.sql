{{ figures_by('month', ref('figures')) }}
