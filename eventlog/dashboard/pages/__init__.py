"""The pages of the dashboard: one file for each page, with its template."""
