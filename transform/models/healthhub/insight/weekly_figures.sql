{{ figures_by('week', ref('figures')) }}
