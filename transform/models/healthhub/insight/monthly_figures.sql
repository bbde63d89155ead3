{{ figures_by('month') }}
