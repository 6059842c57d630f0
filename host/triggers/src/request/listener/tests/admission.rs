//! How many connections are open at once, whose, and which one gives way.

use super::*;
use crate::request::activity::NEWCOMER;

#[tokio::test]
async fn more_connections_than_allowed_wait_while_none_is_idle() {
    let finish = Arc::new(Semaphore::new(0));
    let finished = finish.clone();
    let host = Host::with(limits(|l| l.connections_max = 2), SOON, move |_| {
        let finished = finished.clone();
        async move {
            finished.acquire().await.expect("open").forget();
            text("done")
        }
    })
    .await;
    // One is being answered, and of another a part of a head has come.
    let (mut first, mut second) = (host.connect().await, host.connect().await);
    first.send(GET).await;
    second.send("GET / HT").await;
    sleep(Duration::from_millis(50)).await;
    let mut third = host.connect().await;
    third.send(GET).await;
    assert!(timeout(LOOK * 3, third.0.read_u8()).await.is_err(), "the third has to wait");
    // Once the first is answered, it is idle, and gives way.
    finish.add_permits(1);
    first.read_until("done").await;
    assert_eq!(first.read_to_end().await.expect("ended well"), "");
    finish.add_permits(1);
    third.read_until("done").await;
    // Who waits is also let in when one goes.
    third.send(GET).await;
    let mut fourth = host.connect().await;
    fourth.send(GET).await;
    drop(second);
    finish.add_permits(2);
    third.read_until("done").await;
    fourth.read_until("done").await;
}

#[tokio::test]
async fn who_waits_for_room_when_a_drain_begins_is_closed_at_once() {
    let finish = Arc::new(Semaphore::new(0));
    let finished = finish.clone();
    let host = Host::with(limits(|l| l.connections_max = 1), SOON * 6, move |_| {
        let finished = finished.clone();
        async move {
            finished.acquire().await.expect("open").forget();
            text("done")
        }
    })
    .await;
    let mut first = host.connect().await;
    first.send(GET).await;
    sleep(Duration::from_millis(50)).await;
    let mut second = host.connect().await;
    assert!(timeout(LOOK, second.0.read_u8()).await.is_err(), "the second has to wait");
    host.shutdown.cancel();
    assert_eq!(second.read_to_end().await.expect("closed"), "");
    finish.add_permits(1);
    first.read_until("done").await;
    assert_eq!(host.stop().await.cut, 0);
}

#[tokio::test]
async fn the_longest_idle_connection_gives_way_to_a_new_one() {
    let host = Host::with(limits(|l| l.connections_max = 3), SOON, |_| async { text("done") }).await;
    let (mut silent, mut first, mut second) = (host.connect().await, host.connect().await, host.connect().await);
    for client in [&mut first, &mut second] {
        client.send(GET).await;
        client.read_until("done").await;
    }
    // Until then it has only just come.
    sleep(NEWCOMER).await;
    for gives_way in [&mut silent, &mut first] {
        let mut another = host.connect().await;
        another.send(GET).await;
        another.read_until("done").await;
        assert_eq!(gives_way.read_to_end().await.expect("ended well"), "");
        second.send(GET).await;
        second.read_until("done").await;
        // It stays, and is never the longest idle.
        tokio::spawn(async move { another.read_to_end().await });
    }
}

#[tokio::test]
async fn a_client_that_hoards_connections_keeps_nobody_else_out() {
    let bounded = limits(|l| {
        (l.connections_max, l.connections_per_client_max) = (6, 3);
        l.unbounded = vec!["127.0.0.3/32".parse().expect("a network")];
    });
    let host = Host::with(bounded, SOON, |_| async { text("done") }).await;
    let mut hoard = Vec::new();
    for _ in 0..3 {
        let mut held = host.connect_from("127.0.0.1").await;
        held.send("GET / HT").await;
        hoard.push(held);
    }
    for _ in 0..20 {
        let mut more = host.connect_from("127.0.0.1").await;
        assert_eq!(more.read_to_end().await.expect("closed"), "");
    }
    let mut other = host.connect_from("127.0.0.2").await;
    other.send(GET).await;
    other.read_until("done").await;
    // It may come again as soon as one of its own has ended.
    hoard[0].send("TP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    assert!(hoard.remove(0).read_to_end().await.expect("answered").ends_with("done"));
    let again = async {
        loop {
            let mut again = host.connect_from("127.0.0.1").await;
            if again.0.write_all(GET.as_bytes()).await.is_ok() && again.0.read_u8().await.is_ok() {
                return again;
            }
        }
    };
    timeout(SOON, again).await.expect("served").read_until("done").await;
    // Who is not bounded gets all that is left, and what is idle.
    for _ in 0..4 {
        let mut proxy = host.connect_from("127.0.0.3").await;
        proxy.send(GET).await;
        proxy.read_until("done").await;
        tokio::spawn(async move { proxy.read_to_end().await });
    }
}
