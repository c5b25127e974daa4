"""The object store that is a bucket, or a part of one: AWS S3 and what speaks its protocol."""
