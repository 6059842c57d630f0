//! Tells callgrind when to count. There are crates for that, which need libclang to be compiled; this is one instruction sequence.

/// `RUNNING_ON_VALGRIND`: answers how many of them run within each other.
const RUNNING: usize = 0x1001;
/// `CALLGRIND_TOGGLE_COLLECT`, `CALLGRIND_START_INSTRUMENTATION` and `CALLGRIND_STOP_INSTRUMENTATION` of callgrind's manual: the
/// tool's two letters, and a number.
const TOGGLE: usize = 0x4354_0002;
const START: usize = 0x4354_0004;
const STOP: usize = 0x4354_0005;

/// Does it while instructions are counted, those of all threads. The caches that callgrind simulates are empty when it begins.
pub(crate) fn counted<T>(does: impl FnOnce() -> T) -> T {
    assert_ne!(request(RUNNING), 0, "valgrind does not understand what it is asked");
    request(START);
    let done = does();
    request(STOP);
    done
}

/// Waits for what is not counted, of this thread.
pub(crate) async fn uncounted<T>(does: impl Future<Output = T>) -> T {
    request(TOGGLE);
    let done = does.await;
    request(TOGGLE);
    done
}

/// Asks the valgrind that runs this program, if there is one, as section "The Client Request mechanism" of its manual describes
/// it: on a processor, the sequence does nothing.
#[cfg(target_arch = "x86_64")]
fn request(code: usize) -> usize {
    let mut answer = 0;
    let request: [usize; 6] = [code, 0, 0, 0, 0, 0];
    // SAFETY: four rotations of `rdi`, by 128 bits together, and an exchange of a register with itself leave everything as it was;
    // valgrind reads the request, and writes its answer to `rdx`.
    #[expect(unsafe_code, reason = "there is no other way to ask")]
    unsafe {
        std::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") request.as_ptr(),
            inout("rdx") answer,
        );
    }
    answer
}

#[cfg(not(target_arch = "x86_64"))]
fn request(_code: usize) -> usize {
    panic!("instructions are counted on x86-64");
}
