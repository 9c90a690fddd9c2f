"""What every report is made of: HTML that is escaped, SVG, and one page that needs nothing else."""
