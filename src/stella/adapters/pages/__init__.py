"""Pages that are not Markdown: HTML and PDF files of a folder, and pages of the web."""
