//! PyTorch's zip checkpoint, laid out as its writer does (`caffe2/serialize/inline_container.cc`): members stored, their
//! bytes at multiples of 64, sizes left to data descriptors, zip64 records at the end; and a pickle of protocol 2 as
//! `torch.save(model.state_dict())` writes it, assembled opcode by opcode.

use std::io::{Seek, Write};

use super::Body;
use super::zip::{Entry, write};

/// A tensor of a state dict.
pub struct Tensor {
    pub name: String,
    /// Class of its storage and bytes of an element: `("HalfStorage", 2)`.
    pub storage: (&'static str, u64),
    pub shape: Vec<u64>,
}

/// A model of 16.7 GB: the same as [`super::safetensors::big_model`].
pub fn big_model() -> Vec<Tensor> {
    let tensor =
        |layer| Tensor { name: format!("layers.{layer}.weight"), storage: ("HalfStorage", 2), shape: vec![4096, 8192] };
    (0..249).map(tensor).collect()
}

/// Writes a checkpoint: structure in full, weights as holes.
pub fn checkpoint(out: &mut (impl Write + Seek), tensors: &[Tensor]) {
    let pickle = state_dict(tensors);
    let names: Vec<String> = (0..tensors.len()).map(|key| format!("archive/data/{key}")).collect();
    let member = |name, body| Entry { align: 64, descriptor: true, flags: 0x0800, ..Entry::stored(name, body) };
    let mut entries = vec![
        member("archive/data.pkl", Body::Bytes(&pickle)),
        member("archive/.format_version", Body::Bytes(b"1")),
        member("archive/.storage_alignment", Body::Bytes(b"64")),
        member("archive/byteorder", Body::Bytes(b"little")),
    ];
    for (name, tensor) in names.iter().zip(tensors) {
        let bytes = tensor.shape.iter().product::<u64>() * tensor.storage.1;
        entries.push(member(name, Body::Hole(bytes)));
    }
    entries.push(member("archive/version", Body::Bytes(b"3\n")));
    entries.push(member("archive/.data/serialization_id", Body::Bytes(b"0636457737946401051300000000000000000000")));
    write(out, &entries);
}

/// The pickle of an `OrderedDict` of tensors, each a call of `torch._utils._rebuild_tensor_v2` on a persistent id.
fn state_dict(tensors: &[Tensor]) -> Vec<u8> {
    let mut p = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(".to_vec();
    for (key, tensor) in tensors.iter().enumerate() {
        let elements = tensor.shape.iter().product::<u64>();
        text(&mut p, &tensor.name);
        if key == 0 {
            p.extend(b"ctorch._utils\n_rebuild_tensor_v2\nq\x02");
        } else {
            p.extend(b"h\x02");
        }
        // The persistent id: ('storage', class, key, device, elements).
        p.extend(b"((");
        text(&mut p, "storage");
        p.extend(format!("ctorch\n{}\n", tensor.storage.0).as_bytes());
        text(&mut p, &key.to_string());
        text(&mut p, "cpu");
        number(&mut p, elements);
        p.extend(b"tQ");
        // Offset, size, stride, requires_grad, backward hooks.
        number(&mut p, 0);
        tuple(&mut p, &tensor.shape);
        tuple(&mut p, &strides(&tensor.shape));
        p.extend(b"\x89h\x00)RtR");
    }
    p.extend(b"u}");
    text(&mut p, "_metadata");
    p.extend(b"h\x00)Rsb.");
    p
}

fn strides(shape: &[u64]) -> Vec<u64> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}

fn text(p: &mut Vec<u8>, text: &str) {
    p.push(b'X');
    p.extend((text.len() as u32).to_le_bytes());
    p.extend(text.as_bytes());
}

fn number(p: &mut Vec<u8>, value: u64) {
    if let Ok(value) = i32::try_from(value) {
        p.push(b'J');
        p.extend(value.to_le_bytes());
    } else {
        // LONG1: the sign needs a bit of its own.
        p.extend([0x8a, 9]);
        p.extend(value.to_le_bytes());
        p.push(0);
    }
}

fn tuple(p: &mut Vec<u8>, values: &[u64]) {
    p.push(b'(');
    values.iter().for_each(|&value| number(p, value));
    p.push(b't');
}
