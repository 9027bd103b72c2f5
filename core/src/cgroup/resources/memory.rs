//! Memory.

use oci_spec::runtime::{LinuxMemory, LinuxResources};

use super::Refuse;

/// Memory, in bytes; -1 is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Hard limit.
    pub limit: Option<i64>,
    /// Soft limit (v1), protection (v2).
    pub reservation: Option<i64>,
    /// Memory and swap together.
    pub swap: Option<i64>,
    /// How readily anonymous memory is swapped, 0 to 100; v1 only.
    pub swappiness: Option<u64>,
    /// Tasks wait instead of being killed when the limit is reached; v1 only.
    pub disable_oom_killer: bool,
    /// Memory of groups below counts here. Always so since Linux 5.11.
    pub use_hierarchy: bool,
    /// An update is refused whose limit is less than what is in use.
    pub check_before_update: bool,
}

/// Swap of 0, which together with memory would be less than that, means what runc takes it for: not set.
pub(super) fn read(resources: &LinuxResources, refuse: &mut Refuse<'_>, ignored: &mut Vec<String>) -> Memory {
    let Some(memory) = resources.memory() else { return Memory::default() };
    let read = Memory {
        limit: memory.limit(),
        reservation: memory.reservation(),
        swap: memory.swap().filter(|swap| *swap != 0),
        swappiness: memory.swappiness(),
        disable_oom_killer: memory.disable_oom_killer().unwrap_or(false),
        use_hierarchy: memory.use_hierarchy().unwrap_or(false),
        check_before_update: memory.check_before_update().unwrap_or(false),
    };
    check(&read, refuse);
    if memory.use_hierarchy() == Some(false) {
        refuse.add("memory.useHierarchy", "is false, which kernels no longer offer (since Linux 5.11)");
    }
    ignored.extend(kernel_memory(memory).map(|field| {
        format!("linux.resources.memory.{field}: ignored; the spec deprecates it, and kernels since 5.16 refuse it")
    }));
    read
}

fn check(memory: &Memory, refuse: &mut Refuse<'_>) {
    for (field, value) in
        [("limit", memory.limit), ("reservation", memory.reservation), ("swap", memory.swap)]
    {
        if let Some(value) = value.filter(|value| *value < -1) {
            refuse.add(format_args!("memory.{field}"), format!("{value} is less than -1"));
        }
    }
    match (memory.limit, memory.swap) {
        (Some(limit), Some(swap)) if limit > swap && swap >= 0 => {
            refuse.add(
                "memory.swap",
                format!("{swap} is memory and swap together, and less than the limit {limit}"),
            );
        }
        (None | Some(-1), Some(swap)) if swap >= 0 => {
            refuse.add("memory.swap", "needs a memory limit as well");
        }
        _ => {}
    }
    if let (Some(limit), Some(reservation)) = (memory.limit, memory.reservation)
        && limit >= 0
        && reservation > limit
    {
        refuse.add("memory.reservation", format!("{reservation} is more than the limit {limit}"));
    }
    if let Some(swappiness) = memory.swappiness.filter(|swappiness| *swappiness > 100) {
        refuse.add("memory.swappiness", format!("{swappiness} is more than 100"));
    }
}

/// Which of the deprecated limits on the kernel's own memory are asked for.
fn kernel_memory(memory: &LinuxMemory) -> impl Iterator<Item = &'static str> {
    #[allow(deprecated, reason = "to say that it is ignored")]
    let asked = [("kernel", memory.kernel()), ("kernelTCP", memory.kernel_tcp())];
    asked.into_iter().filter(|(_, value)| value.is_some_and(|value| value > 0)).map(|(field, _)| field)
}
