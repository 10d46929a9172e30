//! Records of health care and trials in the formats of their standards.

pub(in crate::probe) mod dataset_json;
pub(in crate::probe) mod define_xml;
pub(in crate::probe) mod dicom;
mod dicom_tags;
pub(in crate::probe) mod fhir;
mod fhir_elements;
pub(in crate::probe) mod hl7v2;
