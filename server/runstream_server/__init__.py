"""The runstream server: an asyncio gRPC and HTTP server over one database and one object store."""
