"""`ferry export`: files of people for Klaviyo's SFTP import."""
