//! What the system runs on, as far as the guest can know: the texts of DMI in sysfs (Linux
//! drivers/firmware/dmi-id.c), which any user may read.

use std::path::Path;

/// The platform under the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Microsoft's hypervisor, also in Azure.
    HyperV,
    /// VMware's hypervisor.
    Vmware,
    /// Another hypervisor, by the name that people use.
    Other(&'static str),
    /// The processor says that there is a hypervisor, but DMI does not say which one.
    Unnamed,
    /// No sign of a hypervisor.
    Hardware,
}

/// Where the texts of DMI are.
const DMI: &str = "/sys/class/dmi/id";

/// Beginnings of product, vendor and firmware, and the platform that they mean (systemd src/basic/virt.c).
/// KVM comes before QEMU, because KVM has both texts.
const VENDORS: &[(&str, Platform)] = &[
    ("KVM", Platform::Other("KVM")),
    ("OpenStack", Platform::Other("OpenStack")),
    ("KubeVirt", Platform::Other("KubeVirt")),
    ("Amazon EC2", Platform::Other("Amazon EC2")),
    ("Google Compute Engine", Platform::Other("Google Compute Engine")),
    ("QEMU", Platform::Other("QEMU")),
    ("VMware", Platform::Vmware),
    ("VMW", Platform::Vmware),
    ("innotek GmbH", Platform::Other("VirtualBox")),
    ("VirtualBox", Platform::Other("VirtualBox")),
    ("Xen", Platform::Other("Xen")),
    ("Bochs", Platform::Other("Bochs")),
    ("Parallels", Platform::Other("Parallels")),
    ("BHYVE", Platform::Other("bhyve")),
    ("Nutanix", Platform::Other("Nutanix AHV")),
    ("Apple Virtualization", Platform::Other("Apple Virtualization")),
];

/// Asset tags that are not names: texts that firmware has if nobody set one, and marks of clouds.
const NO_NAMES: &[&str] = &[
    "",
    "no asset tag",
    "no asset information",
    "not specified",
    "not available",
    "none",
    "default string",
    "asset tag",
    "asset-1234567890",
    "to be filled by o.e.m.",
    "chassis asset tag",
    "amazon ec2",
    "7783-7084-3265-9085-8269-3286-77",
    "huaweicloud",
    "opentelekomcloud",
    "sap ccloud vm",
    "samsung cloud platform",
    "oraclecloud.com",
];

impl Platform {
    /// The platform of the running system. `None` if neither /sys nor /proc has any information.
    pub fn of_running() -> Option<Self> {
        let fields = ["product_name", "sys_vendor", "board_vendor", "bios_vendor"];
        let texts: Vec<String> = fields.into_iter().filter_map(dmi).collect();
        // Hyper-V's board. systemd tests product_version for it.
        let microsoft = texts.iter().any(|text| text == "Microsoft Corporation");
        if microsoft && texts.first().is_some_and(|product| product == "Virtual Machine") {
            return Some(Self::HyperV);
        }
        let vendor = VENDORS.iter().find(|(start, _)| texts.iter().any(|t| t.starts_with(start)));
        if let Some((_, platform)) = vendor {
            return Some(*platform);
        }
        if let Ok(kind) = std::fs::read_to_string("/sys/hypervisor/type") {
            return Some(if kind.trim() == "xen" { Self::Other("Xen") } else { Self::Unnamed });
        }
        let processor = std::fs::read_to_string("/proc/cpuinfo").ok()?;
        let flags = processor.lines().find(|line| line.starts_with("flags"));
        let seen = flags.is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
        Some(if seen { Self::Unnamed } else { Self::Hardware })
    }

    /// The platform in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::HyperV => "Hyper-V",
            Self::Vmware => "VMware",
            Self::Other(name) => name,
            Self::Unnamed => "a hypervisor that does not give its name",
            Self::Hardware => "no hypervisor that can be seen",
        }
    }
}

/// The asset tag of the chassis, unless it is a text that firmware has by default.
///
/// DMI has no field for the name of a machine. The tag is a name only if a person made it one (libvirt's
/// `<sysinfo>`, `qemu -smbios type=3,asset=`).
pub fn asset_tag() -> Option<String> {
    dmi("chassis_asset_tag").filter(|tag| !NO_NAMES.contains(&tag.to_lowercase().as_str()))
}

fn dmi(field: &str) -> Option<String> {
    let text = std::fs::read(Path::new(DMI).join(field)).ok()?;
    Some(String::from_utf8_lossy(&text).trim().to_owned())
}
