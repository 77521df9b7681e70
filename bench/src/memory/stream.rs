//! A stream in memory that is always ready, in the four dialects of reading and writing.

use std::io::{IoSlice, Read, Result, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// Reads from one piece of memory and writes to the end of another.
pub struct Memory<'a> {
    pub input: &'a [u8],
    pub output: &'a mut Vec<u8>,
}

impl Memory<'_> {
    #[inline]
    fn next(&mut self, most: usize) -> &[u8] {
        let (taken, rest) = self.input.split_at(most.min(self.input.len()));
        self.input = rest;
        taken
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> usize {
        self.output.extend_from_slice(bytes);
        bytes.len()
    }

    #[inline]
    fn put_all(&mut self, pieces: &[IoSlice<'_>]) -> usize {
        pieces.iter().map(|piece| self.put(piece)).sum()
    }
}

impl Read for Memory<'_> {
    #[inline]
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        let taken = self.next(room.len());
        room[..taken.len()].copy_from_slice(taken);
        Ok(taken.len())
    }
}

impl Write for Memory<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        Ok(self.put(bytes))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize> {
        Ok(self.put_all(pieces))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl tokio::io::AsyncRead for Memory<'_> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let most = room.remaining();
        room.put_slice(self.next(most));
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Memory<'_> {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Poll::Ready(Ok(self.put(bytes)))
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Poll::Ready(Ok(self.put_all(pieces)))
    }

    /// As a TCP stream says.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl futures::io::AsyncRead for Memory<'_> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<Result<usize>> {
        Poll::Ready(self.read(room))
    }
}

impl futures::io::AsyncWrite for Memory<'_> {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Poll::Ready(Ok(self.put(bytes)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl wtx::stream::StreamReader for Memory<'_> {
    #[inline]
    async fn read(&mut self, room: &mut [u8]) -> wtx::Result<usize> {
        Ok(Read::read(self, room)?)
    }
}

impl wtx::stream::StreamWriter for Memory<'_> {
    #[inline]
    async fn write_all(&mut self, bytes: &[u8]) -> wtx::Result<()> {
        self.put(bytes);
        Ok(())
    }

    #[inline]
    async fn write_all_vectored(&mut self, pieces: &[&[u8]]) -> wtx::Result<()> {
        for piece in pieces {
            self.put(piece);
        }
        Ok(())
    }
}
