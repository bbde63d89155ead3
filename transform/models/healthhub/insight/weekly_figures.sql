{{ figures_by('week') }}
