"""Settings: declared once, edited as a draft, saved as revisions.

`declare` and `types` are what authors write with; `schema` knows all sections; `store` keeps
cells; `view` reads and `edit` changes them; `document_text` and `importer` write and read all
of them as one file. Import from the module you need: declaring must stay quick, so nothing is
re-exported here.
"""
