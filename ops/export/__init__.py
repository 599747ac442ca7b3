"""`ferry export`: people as files for Klaviyo's SFTP import."""
