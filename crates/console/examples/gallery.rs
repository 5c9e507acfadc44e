//! Serves every page in every state from samples, without a platform: `cargo run -p lgsp-console --example gallery`, then
//! open the address that it prints. `?lang=en`, `?strong=1` and `?mode=live` change the look.

/// Where it listens when no address is given.
const LISTEN: &str = "127.0.0.1:8090";

#[expect(
    clippy::print_stdout,
    reason = "the address is what this program is for"
)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| LISTEN.to_owned());
    let router = lgsp_console::gallery::router()?;
    let listener = tokio::net::TcpListener::bind(&listen).await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
